#!/usr/bin/env python3
"""Follows Documentation/write-your-first-rule.md word for word in an empty folder and compares what the commands print.

A block ```yaml PATH writes a file, ```yaml >> PATH adds to it; ```csv likewise. In a block ```console each line that
begins with "$ " is a command, the lines after it are what it prints, standard error included. Times in milliseconds
are not compared. With --write the page gets what the commands print today.
"""
import difflib
import os
import re
import subprocess
import sys
import tempfile

PAGE = "Documentation/write-your-first-rule.md"
END = "----- end of a command -----"


def blocks(text):
    """Pairs (first words, lines) for code, (None, lines) for the text between."""
    kind, lines = None, []
    for line in text.split("\n"):
        if line.startswith("```"):
            yield kind, lines
            lines = []
            kind = line[3:].strip() if kind is None else None
        else:
            lines.append(line)
    yield kind, lines


def run(commands, folder, environment):
    """Each command's output, in one shell, so that `$?` is that of the command before."""
    script = "".join(f"{c}\n__code=$?; echo '{END}'; (exit $__code)\n" for c in commands)
    done = subprocess.run(
        ["bash"], input=script.encode(), cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode().replace(folder + "/", "")
    return [part.strip("\n") for part in text.split(END)][: len(commands)]


def comparable(text):
    return re.sub(r"\d+ ms", "… ms", text.strip("\n"))


def main():
    yijian, write = os.path.abspath(sys.argv[1]), "--write" in sys.argv
    text = open(PAGE, encoding="utf-8").read()
    root = os.getcwd()
    out, wrong, ran = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        os.mkdir(folder + "/bin")
        os.symlink(yijian, folder + "/bin/yijian")
        for name in ("Pipelines", "SampleClaims"):
            os.symlink(os.path.join(root, name), os.path.join(folder, name))
        environment = dict(os.environ, PATH=folder + "/bin:" + os.environ["PATH"], LC_ALL="C.UTF-8")
        # A moment after the last settlement of the samples.
        environment["SOURCE_DATE_EPOCH"] = "1743465600"
        for kind, lines in blocks(text):
            words = (kind or "").split()
            if words[:1] == ["console"]:
                steps = []
                for line in lines:
                    if line.startswith("$ "):
                        steps.append((line[2:], []))
                    elif steps:
                        steps[-1][1].append(line)
                outputs = run([s[0] for s in steps], folder, environment)
                lines = []
                for (command, expected), found in zip(steps, outputs):
                    ran += 1
                    a, b = comparable("\n".join(expected)), comparable(found)
                    if a != b and not write:
                        wrong += 1
                        print(f"$ {command}")
                        print("\n".join(difflib.unified_diff(a.split("\n"), b.split("\n"), "page", "now", lineterm="")))
                    lines += ["$ " + command] + (re.sub(r"\d+ ms", "12 ms", found).split("\n") if found else [])
            elif len(words) > 1 and words[0] in ("yaml", "csv"):
                path = os.path.join(folder, words[-1])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "a" if words[1] == ">>" else "w", encoding="utf-8") as file:
                    file.write("\n".join(lines) + "\n")
            out.append((kind, lines))
    if write:
        made = []
        for i, (kind, lines) in enumerate(out):
            made += lines if kind is None else ["```" + kind] + lines + ["```"]
        open(PAGE, "w", encoding="utf-8").write("\n".join(made))
    if ran == 0:
        sys.exit(f"{PAGE} has no command")
    if wrong:
        sys.exit(f"{wrong} of {ran} commands print something else than {PAGE} says; see Tools/follow-tutorial.py")
    print(f"{PAGE}: {ran} commands did what it says")


main()
