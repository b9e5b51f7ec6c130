#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-kdir.py kdir - what keeps Rust modules from being built in a tree.

One line for each defect, with the command that mends it; exit status 1.
Without a defect one line says what was found; status 0.  2 is for a wrong
call.  The advice, which differs between distributions, is prep_mending.py's.
To be run elsewhere, DKMS's source for one, it needs that file, the list
"supported", and python3, and nothing else.
"""

import ctypes
import glob
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
from prep_mending import Mending, content  # noqa: E402

# e_machine of what the host can run.
MACHINES = {'x86_64': 62, 'aarch64': 183, 'riscv64': 243, 'loongarch64': 258}
# Crates that every kernel with Rust has; others came and went.
CRATES = ('core', 'bindings', 'kernel')
# Options that Kconfig drops CONFIG_RUST for, with what they would need; a
# condition is met if one of its options has the value that is set for it.
EXCLUDES = (
    ('CONFIG_MODVERSIONS', 'CONFIG_GENDWARFKSYMS=y'),
    ('CONFIG_RANDSTRUCT', ''),
    ('CONFIG_GCC_PLUGIN_RANDSTRUCT', ''),
    ('CONFIG_DEBUG_INFO_BTF', 'CONFIG_PAHOLE_HAS_LANG_EXCLUDE=y'),
    ('CONFIG_KASAN', 'CONFIG_CC_IS_CLANG=y'),
    ('CONFIG_CFI', 'CONFIG_HAVE_CFI_ICALL_NORMALIZE_INTEGERS_RUSTC=y'),
)
TARGETS = {'CONFIG_ARM64': 'aarch64-unknown-none',
           'CONFIG_RISCV': 'riscv64imac-unknown-none-elf',
           'CONFIG_LOONGARCH': 'loongarch64-unknown-none-softfloat'}


def run(*cmd, cwd=None):
    """Status and output of a command; None if it is not there."""
    if not shutil.which(cmd[0]):
        return None, ''
    env = dict(os.environ, LC_ALL='C', RUSTC_BOOTSTRAP='1')
    done = subprocess.run(cmd, cwd=cwd, env=env, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, errors='replace')
    return done.returncode, done.stdout.strip()


def first_error(text):
    """The first line of a compiler's output that says error."""
    lines = [s for s in text.splitlines() if s.strip()]
    return next((s for s in lines if 'error' in s), lines[0] if lines else '')


def read_config(path):
    """auto.conf as a dictionary; quotes removed."""
    config = {}
    for line in content(path).splitlines():
        name, eq, value = line.strip().partition('=')
        if eq and name.startswith('CONFIG_'):
            config[name] = value.strip('"')
    return config


def metadata_version(path):
    """The rustc that made a crate, as its metadata has it; None if unknown.

    The metadata starts with "rust" and a format number; the version text
    follows within a few bytes, preceded by its length.  A proc macro has the
    same in its section .rustc.
    """
    with open(path, 'rb') as f:
        data = f.read(256) if path.endswith('.rmeta') else f.read()
    start = 0
    while True:
        start = data.find(b'rust\0\0\0', start)
        if start < 0:
            return None
        at = data.find(b'rustc ', start + 8, start + 64)
        if at > 0:
            size = data[at - 1]
            text = data[at:at + size]
            if len(text) == size:
                return text.decode(errors='replace')
        start += 1


def foreign_elf(path):
    """Why this host cannot load a shared object; None if it can."""
    with open(path, 'rb') as f:
        head = f.read(20)
    if len(head) < 20 or head[:4] != b'\x7fELF':
        return 'is no ELF file'
    order = 'little' if head[5] == 1 else 'big'
    machine = int.from_bytes(head[18:20], order)
    here = platform.machine()
    if machine != MACHINES.get(here, machine) or head[4] != 2:
        return f'is for another machine (ELF {machine}), this is {here}'
    try:
        ctypes.CDLL(path)
    except OSError as e:
        return f'cannot be loaded: {e}'
    return None


def short(version):
    """rustc 1.85.1 (4eb161250 2025-03-15) (built …) less its last part."""
    return re.sub(r' \(built .*\)$', '', version)


def compiler(name):
    """The first line of what a compiler says, and its version in numbers."""
    status, out = run(name, '--version')
    if status != 0:
        return '', ''
    line = out.splitlines()[0]
    m = re.search(r'\d+\.\d+\.\d+', re.sub(r'\([^)]*\)', '', line))
    return line, m.group(0) if m else ''


class Tree:
    """A build tree and what was found out about it."""

    def __init__(self, kdir):
        self.kdir = kdir
        self.defects = []
        self.found = []
        self.config = {}
        self.release = ''
        # The rustc that made the metadata, and one here that is the same.
        self.made_by_rustc = ''
        self.other_rustc = ''
        self.mending = Mending(kdir)

    def path(self, *parts):
        return os.path.join(self.kdir, *parts)

    def defect(self, what, kind):
        self.defects.append(f'{what}; {self.mending.of(kind, self)}')

    def check(self):
        """Go on as long as the next look can tell something of its own."""
        if not os.path.isdir(self.kdir):
            self.defect(f'no such directory: {self.kdir}', 'headers')
            return
        # A tree before its first make has the Makefile and one of these.
        if not os.path.exists(self.path('Makefile')) or not any(
                os.path.exists(self.path(name))
                for name in ('source', 'scripts', 'arch')):
            self.defect(f'{self.kdir} is not a kernel build tree', 'headers')
            return
        self.config = read_config(self.path('include/config/auto.conf'))
        self.release = content(self.path('include/config/kernel.release'))
        self.release = self.release.strip()
        if not self.check_place():
            return
        for name in ('include/config/auto.conf', 'scripts/mod/modpost',
                     'Module.symvers'):
            if not os.path.exists(self.path(name)):
                self.defect(f'{self.kdir} is not prepared: it has no {name}',
                            'symvers' if name[0] == 'M' else 'prepare')
                return
        self.found.append(self.release or 'kernel without a release')
        self.check_cc()
        self.check_bindgen()
        if self.config.get('CONFIG_RUST') != 'y':
            self.defect('the kernel is configured without Rust '
                        f'(CONFIG_RUST is off{self.why_no_rust()})', 'rust')
            return
        needed = [f'rust/lib{c}.rmeta' for c in CRATES]
        if self.config.get('CONFIG_RUST_INLINE_HELPERS') == 'y':
            needed.append('rust/helpers/helpers_module.bc')
        missing = [n for n in needed if not os.path.exists(self.path(n))]
        if missing:
            self.defect(f'no Rust metadata: {", ".join(missing)} missing',
                        'metadata')
            self.check_rust_src()
            return
        sound = self.check_macros()
        sound = self.check_rustc() and sound
        if sound:
            self.probe()

    def check_place(self):
        """Whether the tree is where it was made, and for whom it lies there."""
        makefile = content(self.path('Makefile'))
        for path in re.findall(r'^include (/.*/Makefile)$|'
                               r'^(?:export )?KBUILD_OUTPUT *= *(/.*)$',
                               makefile, re.M):
            path = path[0] or path[1]
            if not os.path.exists(path):
                self.defect(f'its Makefile leads to {path}, which is not '
                            'there: the tree or its source was moved', 'moved')
                return False
        m = re.search(r'/modules/([^/]+)/build/?$', self.kdir)
        if m and self.release and m.group(1) != self.release:
            self.defect(f'the tree is for {self.release}, not for '
                        f'{m.group(1)}, which would refuse what is built in '
                        'it', 'release')
            return False
        return True

    def why_no_rust(self):
        """The options that keep Rust out, as far as the configuration tells."""
        on = [name for name, need in EXCLUDES
              if self.config.get(name) == 'y' and
              (not need or self.config.get(need[:-2]) != 'y')]
        # Only link-time optimization keeps Rust from types in BTF.
        if self.config.get('CONFIG_DEBUG_INFO_BTF') == 'y' and \
           self.config.get('CONFIG_LTO') == 'y':
            on.append('CONFIG_LTO')
        needs = dict(EXCLUDES)
        words = [name + (f' without {needs[name][:-2]}' if needs.get(name)
                         else '') for name in on]
        if self.config.get('CONFIG_RUST_IS_AVAILABLE') != 'y':
            words.append('no rustc or bindgen when it was configured')
        return ', in its way: ' + ', '.join(words) if words else ''

    def check_rust_src(self):
        """What makes the metadata anew compiles core, from rust-src."""
        if self.mending.ours or self.mending.family(self) != 'own':
            return
        status, sysroot = run(os.environ.get('RUSTC', 'rustc'), '--print',
                              'sysroot')
        library = os.environ.get('RUST_LIB_SRC') or \
            os.path.join(sysroot, 'lib/rustlib/src/rust/library')
        if status is None:
            self.defect('rustc is not installed', 'no-rustc')
        elif not os.path.exists(os.path.join(library, 'core/src/lib.rs')):
            self.defect('the source of the core crate is not installed '
                        f'({library}/core)', 'rust-src')

    def check_macros(self):
        # What rustc links in was made by rustc, so it tells its version too;
        # that is compared together with the metadata.
        name = self.path('rust/libmacros.so')
        if not os.path.exists(name):
            self.defect('no proc macros: rust/libmacros.so is missing',
                        'macros')
            return False
        for so in sorted(glob.glob(self.path('rust/lib*.so'))):
            why = foreign_elf(so)
            if why:
                self.defect(f'foreign proc macro: rust/'
                            f'{os.path.basename(so)} {why}', 'macros')
                return False
        return True

    def check_rustc(self):
        status, ours = run(os.environ.get('RUSTC', 'rustc'), '--version')
        if status is None:
            self.defect('rustc is not installed', 'no-rustc')
            return False
        if status:
            self.defect(f'rustc does not run: {first_error(ours)}', 'rustc')
            return False
        for path in sorted(glob.glob(self.path('rust/lib*.rmeta')) +
                           glob.glob(self.path('rust/lib*.so'))):
            theirs = metadata_version(path)
            name = 'rust/' + os.path.basename(path)
            if theirs is None:
                self.defect(f'{name} names no rustc: damaged, or made by a '
                            f'rustc that is not known here', 'metadata')
                return False
            self.made_by_rustc = theirs
            if theirs != ours:
                self.other_rustc = self.same_rustc(theirs)
                self.defect(f'{name} was made by {theirs}, but the rustc '
                            f'here is {ours}',
                            'rustc-name' if self.other_rustc else 'rustc')
                return False
        text = self.config.get('CONFIG_RUSTC_VERSION_TEXT', '')
        if text != ours:
            self.defect(f'the tree is configured for {text or "no rustc"}, '
                        f'but its metadata was made by {ours}', 'metadata')
            return False
        self.found.append(short(ours))
        return True

    @staticmethod
    def same_rustc(text):
        """A rustc of that very version that is here by another name."""
        m = re.match(r'rustc (\d+\.\d+)', text)
        names = [f'rustc-{m.group(1)}'] if m else []
        return next((name for name in names + ['/usr/bin/rustc']
                     if run(name, '--version') == (0, text)), '')

    def check_cc(self):
        clang = self.config.get('CONFIG_CC_IS_CLANG') == 'y'
        text = self.config.get('CONFIG_CC_VERSION_TEXT', '')
        number = int(self.config.get(
            'CONFIG_CLANG_VERSION' if clang else 'CONFIG_GCC_VERSION', 0))
        major = number // 10000
        # What make takes: the caller's CC, that of Debian's header packages,
        # else the plain name.
        plain = 'clang' if clang else 'gcc'
        name = os.environ.get('CC') or plain
        if name == plain and os.path.exists(self.path('.kernelvariables')):
            name = text.split(' ')[0]
        seen, found = compiler(name)
        if found.split('.')[0] == str(major):
            self.found.append(f'{name} {found}')
        elif compiler(f'{plain}-{major}')[0]:
            self.defect(f'the kernel was built by "{text}", {name} is '
                        f'"{seen or "not installed"}"', 'cc-name')
        else:
            self.defect(f'the kernel was built by "{text}", ' +
                        (f'here is "{seen}"' if seen else
                         'which is not installed'), 'cc')
        if self.config.get('CONFIG_LD_IS_LLD') == 'y' and \
           not shutil.which('ld.lld'):
            self.defect('the kernel was linked by ld.lld, which is not '
                        'installed', 'lld')

    def check_bindgen(self):
        tool = os.environ.get('BINDGEN', 'bindgen')
        status, version = run(tool, '--version')
        if status is None:
            self.defect('bindgen is not installed', 'bindgen')
            return
        with tempfile.TemporaryDirectory() as tmp:
            header = os.path.join(tmp, 'probe.h')
            with open(header, 'w', encoding='utf-8') as f:
                f.write('int probe(void);\n')
            status, out = run(tool, header)
        if status:
            self.defect(f'bindgen does not run: {first_error(out)}',
                        'bindgen')
        else:
            self.found.append(version)

    def probe(self):
        """Let rustc itself load what a module loads; catches all the rest."""
        target = './scripts/target.json'
        if not os.path.exists(self.path(target)):
            target = next((t for c, t in TARGETS.items() if c in self.config),
                          None)
        if not target:
            self.defect('scripts/target.json is missing, which says for '
                        'which machine rustc builds', 'target')
            return
        with tempfile.TemporaryDirectory() as tmp:
            source = os.path.join(tmp, 'probe.rs')
            with open(source, 'w', encoding='utf-8') as f:
                f.write('#![no_std]\npub use kernel::prelude::*;\n')
            status, out = run(
                os.environ.get('RUSTC', 'rustc'), '--edition=2021',
                f'--target={target}', '--sysroot=/dev/null', '-L./rust',
                '--extern=kernel', '--extern=macros', '--crate-type=lib',
                '--crate-name=probe', '-Cpanic=abort',
                f'--emit=metadata={tmp}/libprobe.rmeta',
                '@./include/generated/rustc_cfg', source, cwd=self.kdir)
        # Flags that this probe lacks and a build has are not the tree's fault.
        if status and 'ABI mismatch' not in out:
            self.defect('rustc cannot use the metadata: ' + first_error(out),
                        'metadata')


def main():
    if len(sys.argv) != 2:
        print('usage: check-kdir.py kdir', file=sys.stderr)
        sys.exit(2)
    tree = Tree(os.path.abspath(sys.argv[1]))
    tree.check()
    for line in tree.defects:
        print(f'check-kdir: {line}')
    if tree.defects:
        sys.exit(1)
    print(f'ok: {tree.kdir}: ' + ', '.join(tree.found))


if __name__ == '__main__':
    main()
