#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""rust-project.py MO BASE OUT [ROOT] - what an editor has to know of the modules' crates.

The kernel's own rust-project.json (BASE) has its crates and none of a module
whose objects lie in directories, nor a crate that modules share.  How each of
ours was compiled stands in the .cmd files that the build of MO left: its root,
its configuration, and by --extern the crates that it uses.  ROOT goes in front of where the tools
have their library, if they are those of a build root.
"""

import json
import os
import pathlib
import re
import shlex
import sys


class Compiled:
    """One crate, as its command line has it."""

    def __init__(self, command, mo):
        words = shlex.split(command)
        self.env = {}
        while '=' in words[0]:
            name, _, value = words.pop(0).partition('=')
            self.env[name] = value
        self.env['FERRIO_GEN'] = str(mo)
        self.root = next(w for w in reversed(words) if w.endswith('.rs'))
        self.name = pathlib.Path(self.root).stem
        self.edition = '2021'
        self.cfg = []
        self.externs = {}
        self.metadata = None
        for at, word in enumerate(words):
            if word.startswith('--edition='):
                self.edition = word.partition('=')[2]
            elif word == '--cfg':
                self.cfg.append(words[at + 1])
            elif word.startswith('--cfg='):
                self.cfg.append(word.partition('=')[2])
            elif word.startswith('@'):
                self.cfg += options(word[1:])
            elif word == '--crate-name':
                self.name = words[at + 1]
            elif word == '--extern':
                name, _, path = words[at + 1].partition('=')
                self.externs[name] = path
            elif word.startswith('--emit=metadata='):
                self.metadata = word.split('=', 2)[2]


def options(path):
    """The --cfg of a file of arguments."""
    with open(path, encoding='utf-8') as file:
        lines = file.read().splitlines()
    return [line.partition('=')[2] for line in lines
            if line.startswith('--cfg=')]


def compiled(mo):
    """All crates that the build in MO has compiled."""
    crates = []
    for path in sorted(mo.rglob('.*.o.cmd')):
        with open(path, encoding='utf-8') as file:
            first = file.readline()
        command = re.match(r'savedcmd_\S+ := (.*)', first)
        # C objects are not for rust-analyzer; behind a ; objtool comes.
        text = command.group(1).split(' ; ')[0] if command else ''
        if re.search(r'\.rs\s*$', text) and '--crate-type' in text:
            crate = Compiled(text, mo)
            # What was compiled once and is no more.
            if os.path.exists(crate.root):
                crates.append(crate)
    return crates


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit('usage: rust-project.py MO BASE OUT [ROOT]')
    mo = pathlib.Path(sys.argv[1]).resolve()
    with open(sys.argv[2], encoding='utf-8') as file:
        project = json.load(file)
    crates = project['crates']
    root = ''.join(sys.argv[4:])
    sysroot = project['sysroot']
    project['sysroot'] = root + sysroot
    for crate in crates:
        if crate['root_module'].startswith(sysroot + '/'):
            crate['root_module'] = root + crate['root_module']
    known = {c['display_name']: at for at, c in enumerate(crates)}
    ours = compiled(mo)
    if not ours:
        sys.exit(f'rust-project.py: no crate was compiled in {mo}')
    places = {c.metadata: len(crates) + at for at, c in enumerate(ours)
              if c.metadata}
    for crate in ours:
        deps = [{'crate': known['core'], 'name': 'core'}]
        for name, path in crate.externs.items():
            if not path and name not in known:
                sys.exit(f'rust-project.py: {crate.name} uses {name}, which '
                         f'the kernel does not have')
            if path and path not in places:
                sys.exit(f'rust-project.py: {crate.name} uses {path}, which '
                         f'nothing compiled')
            deps.append({'crate': places[path] if path else known[name],
                         'name': name})
        root = os.path.realpath(crate.root)
        crates.append({
            'display_name': crate.name,
            'root_module': root,
            'is_workspace_member': True,
            'deps': deps,
            'cfg': crate.cfg,
            'edition': crate.edition,
            'env': crate.env,
            'source': {'include_dirs': [os.path.dirname(root), str(mo)],
                       'exclude_dirs': []},
        })
    with open(sys.argv[3] + '.part', 'w', encoding='utf-8') as file:
        json.dump(project, file, sort_keys=True, indent=1)
        file.write('\n')
    os.replace(sys.argv[3] + '.part', sys.argv[3])
    print(f'rust-analyzer: {sys.argv[3]} has {len(ours)} crates of ferrio, '
          f'{len(crates) - len(ours)} of the kernel')


if __name__ == '__main__':
    main()
