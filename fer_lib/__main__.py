"""`python -m fer_lib`; its `setup` needs nothing but Python."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["setup"]:
        from fer_lib.install import main

        del sys.argv[1]
    else:
        from fer_lib.cli import main
    main()
