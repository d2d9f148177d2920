try { const theme = localStorage.getItem("fer-theme"); if (theme) document.documentElement.dataset.theme = theme; } catch (_) {}
