(() => {
  const root = document.documentElement;
  const button = document.querySelector("button.theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("fer-theme", root.dataset.theme); } catch (_) {}
    show();
  });
  dark.addEventListener("change", show);
  show();

  // The lists of links are open without this script; on a narrow screen they start folded.
  for (const nav of ["pages", "toc"]) {
    const fold = document.querySelector(`nav.${nav} details`);
    const room = matchMedia(nav === "pages" ? "(min-width: 62rem)" : "(min-width: 84rem)");
    const fit = () => { if (fold) fold.open = room.matches; };
    room.addEventListener("change", fit);
    fit();
  }

  const unfold = () => document.getElementById(location.hash.slice(1))?.closest("details")?.setAttribute("open", "");
  addEventListener("hashchange", unfold);
  unfold();
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open]):not(.code)")];
    opened.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((fold) => { fold.open = false; }));
})();
