/* SPDX-License-Identifier: GPL-2.0 */
/* Memory cgroups: a group with two children, a and b, and what they are charged. */
#ifndef CGROUP_H
#define CGROUP_H

#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "task.h"

/*
 * The statistics lag behind by 64 pages on each CPU before they are summed up at
 * once, and all is summed up every two seconds.
 */
#define CG_LAG_PAGES	64
#define CG_PATH		128

struct cg {
	char root[CG_PATH / 4];
	char top[CG_PATH / 2], a[CG_PATH / 2 + 2], b[CG_PATH / 2 + 2];
};

static inline long cg_write(const char *group, const char *file, const char *text)
{
	char path[CG_PATH];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	return rb_write_file(path, text);
}

static inline void cg_must_write(const char *group, const char *file,
				 const char *text)
{
	long ret = cg_write(group, file, text);

	if (ret)
		rb_die("%s to %s/%s: %s", text, group, file, strerror(-ret));
}

/* A value of a flat keyed file; -1 if it has no such key. */
static inline long long cg_value(const char *group, const char *file,
				 const char *key)
{
	char path[CG_PATH], name[64];
	long long value, found = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	f = fopen(path, "re");
	if (!f)
		rb_die("%s: %s", path, strerror(errno));
	while (found < 0 && fscanf(f, "%63s %lld", name, &value) == 2)
		if (!strcmp(name, key))
			found = value;
	fclose(f);
	return found;
}

/* Kernel memory that is charged to a group and to those below it, in pages. */
static inline long cg_kernel(const char *group)
{
	long long bytes = cg_value(group, "memory.stat", "kernel");

	if (bytes < 0)
		rb_die("%s/memory.stat has no line `kernel`", group);
	return bytes / (long long)RB_PAGE;
}

/* Whether a group has come to be charged for @want pages, as far as it can be told. */
static inline bool cg_charged(const char *group, long want)
{
	long lag = CG_LAG_PAGES * sysconf(_SC_NPROCESSORS_ONLN), now = 0;

	for (int i = 0; i < 500; i++) {
		now = cg_kernel(group);
		if (now >= want - lag && now <= want + lag)
			return true;
		rb_sleep_ms(10);
	}
	fprintf(stderr, "# %s: %ld pages, not %ld +- %ld\n", group, now, want, lag);
	return false;
}

static inline void cg_move(pid_t pid, const char *group)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	cg_must_write(group, "cgroup.procs", text);
}

static inline void cg_limit(const char *group, size_t bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", bytes);
	cg_must_write(group, "memory.max", text);
}

static inline void cg_remove(const char *group)
{
	/* Who was in it may still be on the way out. */
	for (int i = 0; rmdir(group); i++) {
		if (i == 2000 || errno != EBUSY)
			rb_die("rmdir %s: %s", group, strerror(errno));
		rb_sleep_ms(1);
	}
}

/*
 * Whether the groups that were removed below @group go.  A CPU's stock of charges holds
 * one, too, and what is freed late fills it behind the drain of rmdir(), which stays so on
 * a quiet CPU.  drain_all_stock() comes again with a limit below what is charged.
 */
static inline bool cg_none_is_dying(const char *group)
{
	for (int i = 0; i < 1000; i++) {
		if (!cg_value(group, "cgroup.stat", "nr_dying_descendants"))
			return true;
		if (i % 100 == 99) {
			cg_must_write(group, "memory.high", "0");
			cg_must_write(group, "memory.high", "max");
		}
		rb_sleep_ms(10);
	}
	return false;
}

static inline void cg_find(struct cg *cg)
{
	struct statfs fs;

	snprintf(cg->root, sizeof(cg->root), "/sys/fs/cgroup");
	if (!statfs(cg->root, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
		return;
	snprintf(cg->root, sizeof(cg->root), "/tmp/cgroup2");
	mkdir(cg->root, 0700);
	if (!statfs(cg->root, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
		return;
	if (mount("none", cg->root, "cgroup2", 0, NULL))
		rb_die("mount cgroup2: %s", strerror(errno));
}

static inline void cg_make(struct cg *cg)
{
	cg_find(cg);
	if (cg_write(cg->root, "cgroup.subtree_control", "+memory"))
		rb_die("%s has no memory controller: CONFIG_MEMCG, or cgroup_disable=memory",
		       cg->root);
	snprintf(cg->top, sizeof(cg->top), "%s/ring-%d", cg->root, getpid());
	snprintf(cg->a, sizeof(cg->a), "%s/a", cg->top);
	snprintf(cg->b, sizeof(cg->b), "%s/b", cg->top);
	if (mkdir(cg->top, 0755))
		rb_die("mkdir %s: %s", cg->top, strerror(errno));
	cg_must_write(cg->top, "cgroup.subtree_control", "+memory");
	if (mkdir(cg->a, 0755) || mkdir(cg->b, 0755))
		rb_die("mkdir %s: %s", cg->a, strerror(errno));
}

/* Nobody may be left in them; one that a test has removed is no matter. */
static inline void cg_unmake(struct cg *cg)
{
	if (!access(cg->a, F_OK))
		cg_remove(cg->a);
	if (!access(cg->b, F_OK))
		cg_remove(cg->b);
	cg_remove(cg->top);
}

#endif /* CGROUP_H */
