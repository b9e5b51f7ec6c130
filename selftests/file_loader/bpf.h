/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Security modules made of BPF, without a library: each counts the calls of one
 * hook and gives one answer to all of them, until it is told another.
 */
#ifndef BPF_H
#define BPF_H

#include <linux/bpf.h>
#include <linux/btf.h>

#include "fl.h"

/* A counter for each purpose, and whether the hook for the content follows. */
#define BPF_KEYS	16
#define BPF_KEY(id, whole)	((id) * 2 + (whole))
/* Behind the counters: the answer, 0 or a negative errno. */
#define BPF_ANSWER	BPF_KEYS

struct bpf_hook {
	int map, prog, link;
};

static inline long sys_bpf(int cmd, union bpf_attr *attr)
{
	return E(syscall(SYS_bpf, cmd, attr, sizeof(*attr)));
}

static inline size_t btf_behind(const struct btf_type *t)
{
	unsigned int n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

/* The kernel's BTF, which is read once. */
static inline const char *btf_kernel(void)
{
	static char *btf;
	struct stat st;
	int fd;

	if (btf)
		return btf;
	fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		rb_die("/sys/kernel/btf/vmlinux: %s", strerror(errno));
	btf = malloc(st.st_size);
	for (off_t at = 0; at < st.st_size;) {
		ssize_t n = read(fd, btf + at, st.st_size - at);

		if (n <= 0)
			rb_die("/sys/kernel/btf/vmlinux: %s", strerror(errno));
		at += n;
	}
	close(fd);
	return btf;
}

/* The number that it gives to a function. */
static inline unsigned int btf_function(const char *name)
{
	const char *types, *strings, *btf = btf_kernel();
	const struct btf_header *head = (const void *)btf;
	unsigned int id = 0;

	types = btf + head->hdr_len + head->type_off;
	strings = btf + head->hdr_len + head->str_off;
	for (const char *at = types; at < types + head->type_len;) {
		const struct btf_type *t = (const void *)at;

		id++;
		if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC &&
		    !strcmp(strings + t->name_off, name))
			return id;
		at += sizeof(*t) + btf_behind(t);
	}
	rb_die("the kernel's BTF has no %s", name);
}

#define INSN(c, d, s, o, i)	((struct bpf_insn) {			\
	.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

/* What it says from now on: as the last argument of bpf_hook(). */
static inline void bpf_answer(struct bpf_hook *hook, long answer)
{
	union bpf_attr attr = {
		.map_fd = hook->map, .key = (uintptr_t)&(int){ BPF_ANSWER },
		.value = (uintptr_t)&answer,
	};

	if (sys_bpf(BPF_MAP_UPDATE_ELEM, &attr))
		rb_die("BPF_MAP_UPDATE_ELEM");
}

/*
 * Calls bpf_map_lookup_elem() with the key that is on the stack, and goes to what is @behind
 * instructions behind this if there is no such element.
 */
static inline int bpf_element(struct bpf_insn *code, int map, int behind)
{
	int n = 0;

	code[n++] = INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map);
	code[n++] = INSN(0, 0, 0, 0, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4);
	code[n++] = INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	code[n++] = INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, behind, 0);
	return n;
}

/*
 * @purpose and @whole: which arguments of the hook these are; a negative @whole: none, it
 * counts as 0.  @answer: 0 or a negative errno.
 */
static inline void bpf_hook(struct bpf_hook *hook, const char *function, int purpose,
			    int whole, int answer)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8,
		.max_entries = BPF_KEYS + 1,
	};
	union bpf_attr prog = { }, link = { };
	static char log[65536];
	struct bpf_insn code[48];
	int n = 0;

	hook->map = sys_bpf(BPF_MAP_CREATE, &map);
	if (hook->map < 0)
		rb_die("BPF_MAP_CREATE: %s", strerror(-hook->map));
	bpf_answer(hook, answer);
	code[n++] = INSN(BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_2, BPF_REG_1, purpose * 8, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_2, 0, 0, 1);
	if (whole >= 0) {
		code[n++] = INSN(BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_3, BPF_REG_1, whole * 8, 0);
		code[n++] = INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, 1);
		code[n++] = INSN(BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_2, BPF_REG_3, 0, 0);
	}
	code[n++] = INSN(BPF_STX | BPF_W | BPF_MEM, BPF_REG_10, BPF_REG_2, -4, 0);
	n += bpf_element(code + n, hook->map, 2);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1);
	code[n++] = INSN(BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_0, BPF_REG_1, 0, BPF_ADD);
	code[n++] = INSN(BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0, -4, BPF_ANSWER);
	n += bpf_element(code + n, hook->map, 3);
	code[n++] = INSN(BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_0, BPF_REG_0, 0, 0);
	/* No other answer is let pass. */
	code[n++] = INSN(BPF_JMP | BPF_JSGT | BPF_K, BPF_REG_0, 0, 1, 0);
	code[n++] = INSN(BPF_JMP | BPF_JSGE | BPF_K, BPF_REG_0, 0, 1, -4095);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	code[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

	prog.prog_type = BPF_PROG_TYPE_LSM;
	prog.expected_attach_type = BPF_LSM_MAC;
	prog.attach_btf_id = btf_function(function);
	prog.insns = (uintptr_t)code;
	prog.insn_cnt = n;
	prog.license = (uintptr_t)"GPL";
	prog.log_buf = (uintptr_t)log;
	prog.log_size = sizeof(log);
	prog.log_level = 1;
	hook->prog = sys_bpf(BPF_PROG_LOAD, &prog);
	if (hook->prog < 0)
		rb_die("BPF_PROG_LOAD for %s: %s\n%s", function, strerror(-hook->prog), log);
	link.link_create.prog_fd = hook->prog;
	link.link_create.attach_type = BPF_LSM_MAC;
	hook->link = sys_bpf(BPF_LINK_CREATE, &link);
	if (hook->link < 0)
		rb_die("BPF_LINK_CREATE for %s: %s", function, strerror(-hook->link));
}

/* How often the hook was called for a key, since the last look. */
static inline uint64_t bpf_calls(struct bpf_hook *hook, int key)
{
	uint64_t calls = 0, none = 0;
	union bpf_attr attr = {
		.map_fd = hook->map, .key = (uintptr_t)&key, .value = (uintptr_t)&calls,
	};

	if (sys_bpf(BPF_MAP_LOOKUP_ELEM, &attr))
		rb_die("BPF_MAP_LOOKUP_ELEM");
	attr.value = (uintptr_t)&none;
	if (sys_bpf(BPF_MAP_UPDATE_ELEM, &attr))
		rb_die("BPF_MAP_UPDATE_ELEM");
	return calls;
}

/* The same for all keys. */
static inline uint64_t bpf_all_calls(struct bpf_hook *hook)
{
	uint64_t calls = 0;

	for (int key = 0; key < BPF_KEYS; key++)
		calls += bpf_calls(hook, key);
	return calls;
}

/* It answers no more from here on. */
static inline void bpf_unhook(struct bpf_hook *hook)
{
	close(hook->link);
	close(hook->prog);
	close(hook->map);
}

#endif /* BPF_H */
