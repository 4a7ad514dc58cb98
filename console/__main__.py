"""`python -m console`"""

from .cli import main

main()
