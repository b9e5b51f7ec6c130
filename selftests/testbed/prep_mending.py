# SPDX-License-Identifier: GPL-2.0
"""The command that mends a defect of a kernel build tree.

It depends on whose tree it is: one that the test bed made, one from a package
of a distribution, or one that somebody built.  Whose a package is, the kernel
itself tells, wherever it is looked at; the distribution that runs here is asked
last.  The file "supported" beside this one is read.
"""

import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
# What is to be had anywhere; it does not fit another kernel.
STOCK = "run: make kdir, for a tree of Debian's backports kernel, with Rust"
NAMES = {'debian': 'Debian', 'ubuntu': 'Ubuntu', 'arch': 'Arch Linux',
         'fedora': 'Fedora', 'nixos': 'NixOS'}
INSTALL = {'debian': 'apt-get install', 'ubuntu': 'apt-get install',
           'arch': 'pacman -S', 'fedora': 'dnf install',
           'nixos': 'nix-shell -p'}
# Where a package has not the name that Debian gives it.
PACKAGES = {
    'arch': {'bindgen': 'rust-bindgen', 'rustc': 'rust'},
    'fedora': {'bindgen': 'bindgen-cli', 'rustc': 'rust'},
    'nixos': {'bindgen': 'rust-bindgen'},
}
# What distributions call their kernels.
RELEASES = (
    ('ubuntu', r'\d+\.\d+\.\d+-\d+-(generic|lowlatency|realtime|oem|aws|azure|'
               r'gcp|gke|ibm|intel|kvm|nvidia|oracle|raspi)'),
    ('debian', r'\d.*[+.]deb\d|\d+\.\d+\.\d+-\d+-(cloud-|rt-)?'
               r'(686|amd64|arm64|armmp|loong64|ppc64el|riscv64|s390x)'),
    ('fedora', r'\d.*\.(fc|el)\d+(_\d+)?\.\w+'),
    ('arch', r'\d.*-arch\d+-\d+$|\d.*-\d+-(lts|zen|hardened|rt|rt-lts|'
             r'cachyos[\w-]*)$'),
)
# What else tells the maker: a file of the tree, what is in it, a maker.
TRACES = (
    ('include/generated/package.h', r'LINUX_PACKAGE_ID " Debian ', 'debian'),
    ('include/generated/compile.h', r'"debian-kernel"', 'debian'),
    ('.kernelvariables', r'DEB_BUILD_ARCH', 'debian'),
    ('include/config/auto.conf', r'CONFIG_VERSION_SIGNATURE="?Ubuntu',
     'ubuntu'),
    ('include/generated/compile.h', r'"archlinux"', 'arch'),
    ('include/generated/compile.h', r'"mockbuild"', 'fedora'),
    ('include/generated/compile.h', r'"nixbld"', 'nixos'),
    ('Makefile', r'/nix/store/', 'nixos'),
)


def supported():
    """Series that make kdir is for, and the suite of each."""
    with open(os.path.join(HERE, 'supported'), encoding='utf-8') as f:
        return dict(line.split()[:2] for line in f if line[:1].isdigit())


def series(release):
    return '.'.join(release.split('.')[:2])


def host():
    """The distribution that runs here."""
    words = set()
    path = os.environ.get('FERRIO_OS_RELEASE', '/etc/os-release')
    try:
        with open(path, encoding='utf-8') as f:
            for line in f:
                name, _, value = line.strip().partition('=')
                if name in ('ID', 'ID_LIKE'):
                    words.update(value.strip('"\'').split())
    except OSError:
        pass
    # Ubuntu is like Debian, but ships the metadata: ask for it first.
    return next((name for name in ('ubuntu', 'debian', 'arch', 'fedora',
                                   'nixos') if name in words), 'other')


def on(family, command):
    """A command of a distribution, with its name if it is not this one."""
    if family in (host(), 'other'):
        return f'run: {command}'
    return f'run, on {NAMES[family]}: {command}'


def content(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def made_by(kdir, release):
    """The distribution that made a kernel, or None."""
    for name, pattern in RELEASES:
        if re.match(pattern, release):
            return name
    if os.path.realpath(kdir).startswith('/nix/store/'):
        return 'nixos'
    for name, pattern, maker in TRACES:
        if re.search(pattern, content(os.path.join(kdir, name))):
            return maker
    return None


class Mending:
    def __init__(self, kdir):
        self.kdir = kdir
        real = os.path.realpath(kdir)
        cache = os.environ.get('FERRIO_CACHE')
        self.packaged = bool(re.match(
            r'(/usr)?/(lib/modules|src/(linux-headers-|kernels/))', kdir)) or \
            bool(re.match(r'/usr/(lib/modules|src/(linux-headers-|kernels/))',
                          real))
        self.ours = None
        if cache:
            cache = os.path.realpath(cache)
            if real.startswith(cache + os.sep):
                test = real[len(cache) + 1:].startswith('testkernel')
                self.ours = 'make test-kernel' if test else 'make kdir'
                m = re.search(r'/(?:kdir|testkernel)/([0-9][^/]*)$', kdir)
                if m:
                    self.ours += f' KVER={m.group(1)}'

    def of_path(self):
        """The release that a tree is for, by where it lies."""
        m = re.search(r'(?:linux-headers-|modules/|kernels/)([^/]+)',
                      self.kdir)
        return m.group(1) if m else ''

    def release(self, tree):
        """The kernel's release, by the tree or by where it lies."""
        return tree.release or self.of_path()

    def is_source(self):
        """Whether the tree is, or was made from, the whole source."""
        places = [self.kdir, os.path.join(self.kdir, 'source')]
        places += re.findall(r'^include (/.*)/Makefile$', content(
            os.path.join(self.kdir, 'Makefile')), re.M)
        return any(os.path.exists(os.path.join(p, 'init/main.c'))
                   for p in places)

    def family(self, tree):
        """Whose tree it is: a distribution's, or 'own'."""
        if self.is_source():
            return 'own'
        return made_by(self.kdir, self.release(tree)) or \
            (host() if self.packaged else 'own')

    def of(self, kind, tree):
        family = self.family(tree)
        if kind in ('bindgen', 'lld', 'no-rustc', 'cc', 'rust-src'):
            if self.ours and kind == 'cc':
                return f'run: {self.ours}'
            return self.tool(kind, host() if self.ours or family == 'own'
                             else family, tree)
        if self.ours:
            return f'run: {self.ours}'
        if kind == 'cc-name':
            return f'run make with CC={self.compiler_name(tree)}'
        if kind == 'rustc-name':
            return f'run make with RUSTC={tree.other_rustc}'
        if family == 'own':
            if kind in ('headers', 'release'):
                return f'give the tree of a kernel in KDIR=, or {STOCK}'
            return self.own(kind, tree)
        if family == 'other':
            return f'install the headers of your kernel, or {STOCK}'
        release = self.release(tree) or os.uname().release
        if kind == 'release':
            # What is wanted is for the release that it lies at.
            kind, release = 'headers', self.of_path()
        return getattr(self, family)(kind, release, tree)

    # --- tools ---

    @staticmethod
    def compiler_name(tree):
        """gcc-14, as distributions call it."""
        name = 'GCC'
        if tree.config.get('CONFIG_CC_IS_CLANG') == 'y':
            name = 'CLANG'
        number = int(tree.config.get(f'CONFIG_{name}_VERSION', 0))
        return f'{name.lower()}-{number // 10000}'

    def tool(self, kind, family, tree):
        """How a tool is installed for a kernel of family."""
        name = {'no-rustc': 'rustc'}.get(kind, kind)
        more = ''
        if family == 'nixos':
            return self.nix_shell(tree)
        if kind == 'cc':
            name, _, major = self.compiler_name(tree).partition('-')
            if family in ('debian', 'ubuntu'):
                name += '-' + major
            else:
                more = f', version {major}'
        elif family == 'ubuntu' and name == 'rustc':
            return self.ubuntu_rustc(tree)
        elif family == 'ubuntu' and name == 'bindgen':
            m = re.search(r'bindgen ((\d+\.\d+)[\d.]*)', tree.config.get(
                'CONFIG_BINDGEN_VERSION_TEXT', ''))
            if m:
                name += '-' + m.group(2)
                more = f', or bindgen where that is {m.group(1)} or newer'
        name = PACKAGES.get(family, {}).get(name, name)
        if family == 'other':
            return f'install the package that has {name}{more}'
        return on(family, f'{INSTALL[family]} {name}') + more

    # --- distributions ---

    def debian(self, kind, release, _):
        if kind in ('headers', 'prepare', 'symvers', 'moved'):
            command = f'apt-get install linux-headers-{release}'
            return f'{on("debian", command)}, or {STOCK}'
        series_of = supported()
        if kind == 'rust':
            suite = next(iter(series_of.values()))
            return on('debian', f'apt-get install -t {suite} linux-image-amd64 '
                      'linux-headers-amd64') + ', and boot that kernel'
        if 'deb' in release and series(release) in series_of:
            return f'run: make kdir KVER={release}'
        return STOCK

    @staticmethod
    def ubuntu_rustc(tree):
        m = re.search(r'rustc (\d+\.\d+)', tree.made_by_rustc or
                      tree.config.get('CONFIG_RUSTC_VERSION_TEXT', ''))
        if not m:
            return on('ubuntu', 'apt-get install rustc')
        name = f'rustc-{m.group(1)}'
        return on('ubuntu', f'apt-get install {name}') + \
            f', and make with RUSTC={name}'

    def ubuntu(self, kind, release, tree):
        if kind in ('headers', 'prepare', 'symvers', 'moved'):
            return on('ubuntu', f'apt-get install linux-headers-{release}')
        if kind == 'rust':
            return 'boot a kernel of Ubuntu 24.10 or newer'
        if kind == 'rustc':
            return self.ubuntu_rustc(tree)
        return on('ubuntu', f'apt-get install linux-lib-rust-{release}')

    @staticmethod
    def arch(kind, release, _):
        m = re.search(r'-\d+-([a-z][\w-]*)$', release) \
            if made_by('', release) == 'arch' else None
        kernel = f'linux-{m.group(1)}' if m else 'linux'
        if kind == 'rust':
            return (f'this build of {kernel} is without; '
                    f'{on("arch", "pacman -Syu linux linux-headers")}, and boot it '
                    'if it has CONFIG_RUST=y in /proc/config.gz')
        command = f'pacman -Syu {kernel} {kernel}-headers rust'
        if kind == 'rustc':
            return (f'{on("arch", command)}, and if rust is ahead of the kernel '
                    'then, its version before from /var/cache/pacman/pkg')
        return on('arch', command)

    @staticmethod
    def fedora(kind, release, _):
        if kind in ('headers', 'prepare', 'symvers', 'moved'):
            return on('fedora', f'dnf install kernel-devel-{release}')
        if kind == 'rust':
            return f'build a kernel of your own with it, or {STOCK}'
        source = on('fedora', 'dnf download --source kernel-' +
                    release.rpartition('.')[0])
        return ("Fedora's kernel-devel has no Rust metadata, a tree of the "
                f"kernel's source has; {source} (then as in "
                f'Documentation/insmod.rst), or {STOCK}')

    @staticmethod
    def nix_kernel(release):
        return 'linuxPackages_' + series(release).replace('.', '_') + '.kernel'

    def nix_shell(self, tree):
        """The very tools of the kernel are those of its derivation."""
        kernel = self.nix_kernel(self.release(tree) or os.uname().release)
        return on('nixos', f"nix-shell '<nixpkgs>' -A {kernel}") + \
            ', and make in it'

    def nixos(self, kind, release, tree):
        if kind == 'rustc':
            return self.nix_shell(tree)
        if kind == 'rust':
            return ('choose a kernel of 6.12 or newer, which has Rust, in '
                    'boot.kernelPackages')
        command = f"nix-build '<nixpkgs>' -A {self.nix_kernel(release)}.dev"
        return (f'{on("nixos", command)}, and make with '
                f'KDIR=result-dev/lib/modules/{release}/build')

    # --- somebody's own ---

    def own(self, kind, tree):
        llvm = ''
        if tree.config.get('CONFIG_CC_IS_CLANG') == 'y':
            llvm = ' LLVM=1'
        make = f'make -C {self.kdir}{llvm}'
        if kind == 'symvers':
            return f'run: {make} modules'
        if kind == 'moved':
            return ("run, in the kernel's source: "
                    f'make O={self.kdir}{llvm} prepare modules_prepare')
        if kind == 'rust':
            return (f'run: {make} rustavailable, then set CONFIG_RUST by '
                    f'{make} menuconfig and build the kernel')
        if kind in ('metadata', 'macros', 'rustc', 'target'):
            return f'run: {make} prepare rust/'
        return f'run: {make} prepare modules_prepare'
