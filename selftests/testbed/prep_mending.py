# SPDX-License-Identifier: GPL-2.0
"""The command that mends a defect of a kernel build tree.

It depends on whose tree it is: one that the test bed made, one from a
package of the distribution, or one that somebody built.
"""

import os
import re


# What is to be had anywhere; it does not fit another kernel.
STOCK = "run: make kdir, for a tree of Debian's backports kernel, with Rust"


def supported(release):
    """Whether a release of Debian's is of a series that make kdir is for."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        'supported')
    with open(path, encoding='utf-8') as f:
        series = [line.split()[0] for line in f if line[:1].isdigit()]
    return 'deb' in release and any(release.startswith(s + '.')
                                    for s in series)


def os_release():
    """ID and ID_LIKE of the distribution, as a set of words."""
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
    return words


def family():
    words = os_release()
    # Ubuntu is like Debian, but ships the metadata: ask for it first.
    for name in ('ubuntu', 'debian', 'arch', 'fedora'):
        if name in words:
            return name
    return 'other'


def tool(package):
    """How a tool is installed here; the packages have the same names."""
    command = {'ubuntu': 'apt-get install', 'debian': 'apt-get install',
               'arch': 'pacman -S', 'fedora': 'dnf install'}.get(family())
    if not command:
        return f"install the package that has {package}"
    return f'run: {command} {package}'


class Mending:
    def __init__(self, kdir):
        self.kdir = kdir
        self.family = family()
        real = os.path.realpath(kdir)
        cache = os.environ.get('FERRIO_CACHE')
        self.packaged = bool(re.match(
            r'(/usr)?/(lib/modules|src/(linux-|kernels/))', kdir)) or \
            bool(re.match(r'/usr/(lib/modules|src)/', real))
        self.ours = None
        if cache:
            cache = os.path.realpath(cache)
            if real.startswith(cache + os.sep):
                test = real[len(cache) + 1:].startswith('testkernel')
                self.ours = 'make test-kernel' if test else 'make kdir'
                m = re.search(r'/(?:kdir|testkernel)/([0-9][^/]*)$', kdir)
                if m:
                    self.ours += f' KVER={m.group(1)}'

    def release(self):
        """The kernel release that a packaged tree is for."""
        m = re.search(r'(?:linux-headers-|modules/|kernels/)([^/]+)',
                      self.kdir)
        return m.group(1) if m else os.uname().release

    def of(self, kind, tree):
        if kind == 'bindgen':
            return tool({'arch': 'rust-bindgen', 'fedora': 'bindgen-cli'}.get(
                self.family, 'bindgen'))
        if kind == 'lld':
            return tool('lld')
        if kind == 'no-rustc':
            return tool('rust' if self.family in ('arch', 'fedora')
                        else 'rustc')
        if self.ours:
            return f'run: {self.ours}'
        if kind == 'cc-name':
            return f'run make with CC={self.compiler_name(tree)}'
        if kind == 'cc':
            return self.compiler(tree)
        if self.packaged:
            return self.package(kind)
        if kind == 'headers':
            return f'give the tree of a kernel in KDIR=, or {STOCK}'
        return self.own(kind, tree)

    def compiler_name(self, tree):
        """gcc-14, as distributions call it."""
        name = 'GCC'
        if tree.config.get('CONFIG_CC_IS_CLANG') == 'y':
            name = 'CLANG'
        number = int(tree.config.get(f'CONFIG_{name}_VERSION', 0))
        return f'{name.lower()}-{number // 10000}'

    def compiler(self, tree):
        name = self.compiler_name(tree)
        if self.family in ('debian', 'ubuntu'):
            return tool(name)
        name, _, major = name.partition('-')
        return tool(name) + f', version {major}'

    def package(self, kind):
        release = self.release()
        if self.family == 'debian':
            if kind in ('headers', 'prepare', 'symvers'):
                return (f'run: apt-get install linux-headers-{release}, '
                        f'or {STOCK}')
            if supported(release):
                return f'run: make kdir KVER={release}'
            return STOCK
        if self.family == 'ubuntu':
            if kind in ('headers', 'prepare', 'symvers'):
                return f'run: apt-get install linux-headers-{release}'
            if kind == 'rust':
                return 'boot a kernel of Ubuntu 24.10 or newer'
            if kind == 'rustc':
                return ('install the rustc that is named as the maker, '
                        'or run: apt-get install --reinstall '
                        f'linux-lib-rust-{release}')
            return f'run: apt-get install linux-lib-rust-{release}'
        if self.family == 'arch':
            return 'run: pacman -Syu linux linux-headers rust'
        if self.family == 'fedora':
            if kind in ('headers', 'prepare', 'symvers'):
                return f'run: dnf install kernel-devel-{release}'
            return ('Fedora ships no Rust metadata: build a kernel of your '
                    f'own, or {STOCK}')
        return f'install the headers of your kernel, or {STOCK}'

    def own(self, kind, tree):
        llvm = ''
        if tree.config.get('CONFIG_CC_IS_CLANG') == 'y':
            llvm = ' LLVM=1'
        make = f'make -C {self.kdir}{llvm}'
        if kind == 'symvers':
            return f'run: {make} modules'
        if kind == 'rust':
            return (f'run: {make} rustavailable, then set CONFIG_RUST by '
                    f'{make} menuconfig and build the kernel')
        if kind in ('metadata', 'macros', 'rustc'):
            return f'run: {make} prepare rust/'
        return f'run: {make} prepare modules_prepare'
