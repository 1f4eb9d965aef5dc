"""Puts the help texts of the commands into Documentation/commands.md; with --check it only says whether they are there.

    python3 Tools/command-page.py .build/debug/yijian [--check]
"""

import re
import subprocess
import sys

PAGE = "Documentation/commands.md"


def main():
    yijian = sys.argv[1]
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()

    def with_help(section):
        command = section.group(1).split()
        help_text = subprocess.run(
            [yijian, *command, "--help"], capture_output=True, text=True, check=True, env={"COLUMNS": "80"}
        ).stdout.rstrip("\n")
        return f"## yijian {section.group(1)}\n{section.group(2)}```\n{help_text}\n```\n"

    made = re.sub(r"## yijian ([a-z ]+)\n((?:(?!## ).*\n)*?)```\n(?:(?!```).*\n)*```\n", with_help, text)
    listed = set(re.findall(r"^## yijian ([a-z]+)", text, re.M))
    overview = subprocess.run([yijian, "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^  ([a-z]+) {2,}", overview.split("SUBCOMMANDS:")[1], re.M)) - {"help"}
    missing = sorted(known - listed)
    if missing:
        sys.exit(f"{PAGE} has no section on: {', '.join(missing)}")
    if "--check" in sys.argv[2:]:
        if made != text:
            sys.exit(f"{PAGE} is not what --help prints; run 'python3 Tools/command-page.py {yijian}'")
    else:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(made)


main()
