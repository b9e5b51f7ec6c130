#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Rows of selftests/manifest for the given test programs, from their own lists
# of tests: program/fixture.variant.test | requirement | where it must run.
# DIR is the directory that they belong to, if not the ring's.
set -eu
dir=${DIR:-ringbuffer}

echo "# SPDX-License-Identifier: GPL-2.0"
for program; do
	name=${program##*/}
	case $dir/$name in
	iov_copy/huge | iov_copy/import | iov_copy/inject | iov_copy/long | iov_copy/readpath) requirement=iov.must ;;
	iov_copy/*) requirement=iov.2 ;;
	file_loader/account | file_loader/blob | file_loader/load) requirement=loader.device ;;
	file_loader/limits | file_loader/pass) requirement=loader.device ;;
	file_loader/*) requirement=loader.must ;;
	records/conserve | records/lost) requirement=records.2 ;;
	records/again) requirement=records.must ;;
	records/*) requirement=records.1 ;;
	ring_driver/*) requirement=records.driver ;;
	*) requirement= ;;
	esac
	[ -n "$requirement" ] || case $name in
	abi | ends | holders | limits | sendfile | token) requirement=ground.3 ;;
	map) requirement=mapped.2 ;;
	mapped | rust) requirement=mapped.7 ;;
	handover) requirement=mapped.3 ;;
	moments | nosyscall | wait | wake) requirement=mapped.4 ;;
	death | kept) requirement=mapped.5 ;;
	broken | corrupt) requirement=mapped.6 ;;
	pins | races) requirement=mapped.must ;;
	uring | uring_* | nowait | given_up | ninep) requirement=edges.1 ;;
	memcg | quota | quota_race | smaps) requirement=edges.2 ;;
	*32) requirement=edges.3 ;;
	lives | lives_last | inside | garbage) requirement=edges.4 ;;
	inject | inject_load) requirement=edges.5 ;;
	nobody_hangs) requirement=edges.6 ;;
	crate_records) requirement=records.1 ;;
	crates) requirement=edges.7 ;;
	fuzz) requirement=edges.8 ;;
	*) requirement=ground.5 ;;
	esac
	case $name in
	big) place='stock' ;;
	ninep) place='test' ;;
	*) place='test,stock' ;;
	esac
	# Columns are fixture, variant, test; fixtures and variants of a block
	# stand only in its first lines, one each.
	"$program" -l 2>&1 | awk -v name="$dir/$name" -v need="$requirement" \
		-v place="$place" '
		function flush(   v, t) {
			for (v = 1; v <= (variants ? variants : 1); v++)
				for (t = 1; t <= tests; t++)
					printf "%s/%s.%s%s | %s | %s\n",
						name, fixture,
						variants ? variant[v] "." : "",
						test[t], need,
						where[fixture] ? where[fixture] : place
			variants = tests = 0
		}
		BEGIN { where["fault"] = where["inject"] = where["load"] = "test"; where["large"] = "stock" }
		/^#/ { next }
		/^---/ { flush(); next }
		{
			f = substr($0, 1, 20); gsub(/ /, "", f)
			v = substr($0, 22, 25); gsub(/ /, "", v)
			t = substr($0, 48); gsub(/ /, "", t)
			if (f != "") fixture = f
			if (v != "") variant[++variants] = v
			if (t != "") test[++tests] = t
		}
		END { flush() }
	' || true
done
