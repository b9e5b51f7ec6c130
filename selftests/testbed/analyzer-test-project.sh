#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# analyzer-test-project.sh [TEST...]: make rust-analyzer: that its file has every crate
# that Kbuild compiles and what they use of each other, and that rust-analyzer, asked as
# an editor asks, finds a name of a shared crate where it is defined.  Prints KTAP.
#
# shellcheck disable=SC2317 # functions are called by their name
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP" || exit 1
# shellcheck source=install-lib.sh
. "$here/install-lib.sh"

project=$FERRIO_TOP/rust-project.json
# What the tests on the stock kernel were built in: everything.
stock=$FERRIO_OUT/build/stock

written()
{
	local said
	rm -f "$project"
	# As a user outside of the build root, from where the trees in the cache are entered.
	said=$(make --no-print-directory rust-analyzer KDIR="$STOCK_KDIR" MO="$stock" 2>&1) ||
		{ echo "$said"; return 1; }
	differ "rust-analyzer: $project has $(crates_of_kbuild | wc -l) crates of ferrio" \
		"$(tail -n 1 <<<"$said" | sed 's/, [0-9]* of the kernel$//')"
}

# NAME ROOT of each crate of ours that make compiles, as make itself tells.
crates_of_kbuild()
{
	find "$stock" -name '.*.o.cmd' -exec sed -n 's/^source_[^ ]* := \(.*\.rs\)$/\1/p' {} + |
		while read -r file; do
			[ ! -e "$file" ] || echo "$(basename "$file" .rs) $(realpath "$file")"
		done | LC_ALL=C sort
}

query() # PYTHON, with the crates in c
{
	in_root python3 -B -c "
import json, os, sys
c = json.load(open(sys.argv[1]))['crates']
names = [x['display_name'] for x in c]
$1" "$project"
}

every_crate()
{
	differ "$(crates_of_kbuild)" "$(query "
for x in c:
    if x['root_module'].startswith('$FERRIO_TOP/'):
        print(x['display_name'], x['root_module'])" | LC_ALL=C sort)" || return
	# Sources of Kbuild that are no crate of it would be missed by both.
	differ "$(sed -n 's/^ferrio-modules := //p' Kbuild | xargs -n 1 | sed 's/$/_main/')" \
		"$(query "print('\n'.join(sorted(n for n in names
    if n in ('file_loader_main', 'iov_copy_main', 'ringbuffer_main'))))")"
}

edges()
{
	differ 'ferrio_note_main: core ferrio kernel pin_init zerocopy zerocopy_derive
iov_copy_main: core ferrio kernel pin_init zerocopy zerocopy_derive
ring_test_sample_main: core ferrio_ring kernel pin_init zerocopy zerocopy_derive
ringbuffer_main: core ferrio kernel pin_init ring zerocopy zerocopy_derive' "$(query "
for x in c:
    if x['display_name'] in ('ferrio_note_main', 'iov_copy_main',
                             'ring_test_sample_main', 'ringbuffer_main'):
        # A name leads to the crate of that name.
        assert all(names[d['crate']] == d['name'] for d in x['deps']), x
        print(x['display_name'] + ':', *sorted(d['name'] for d in x['deps']))" | sort)"
}

# No file of it is missing, the standard library's included.
files()
{
	query "
for x in c:
    for path in [x['root_module'], x.get('proc_macro_dylib_path'),
                 x['env'].get('FERRIO_GEN')]:
        # rust-src of some versions lacks crates that the kernel lists.
        assert not path or os.path.exists(path), path
assert any('CONFIG_RUST' in x for x in c[names.index('iov_copy_main')]['cfg'])"
}

# The shared crates, generated code, and the kernel's own.
found()
{
	differ "rust/iov_copy/size.rs: SparsePages: rust/ferrio/sparse.rs
rust/ringbuffer/calls.rs: HEADER_BYTES: rust/ring/records/header.rs
samples/ring_test_sample_main.rs: Producer: rust/driver/ferrio_ring/ends.rs
rust/iov_copy/calls.rs: ferrio_ic_info: ${stock#"$FERRIO_TOP"/}/rust/iov_copy/uapi_generated.rs
rust/iov_copy/memory.rs: kernel: file://$KSRC/rust/kernel/lib.rs" \
		"$(in_root python3 -B "$here/analyzer-lsp.py" "$project" \
			'rust/iov_copy/size.rs:sparse::SparsePages:SparsePages' \
			'rust/ringbuffer/calls.rs:records::HEADER_BYTES:HEADER_BYTES' \
			'samples/ring_test_sample_main.rs:use ferrio_ring:Producer' \
			'rust/iov_copy/calls.rs:uapi::{self, ferrio_ic_info:ferrio_ic_info' \
			'rust/iov_copy/memory.rs:kernel::{:kernel')"
}

plan written every_crate edges files found no_source
row written written
[ -s "$project" ] || written >/dev/null 2>&1
for name in every_crate edges files found; do
	row $name $name
done
"$here/install-trees.sh" arch "$work/arch"
row no_source says "make rust-analyzer: KDIR=$work/arch/build has no source of the kernel's Rust crates, as packages of headers: give a tree with it, as of 'make kdir'" \
	in_root dist/rust-project.sh "$work/arch/build" "$work" true
end_tests
