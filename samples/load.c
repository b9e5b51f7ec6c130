// SPDX-License-Identifier: GPL-2.0
/* Loads a file by file_loader.ko: where it came from to stderr, the content to stdout. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>
#include <ferrio/file_loader.h>

/* By enum ferrio_fl_stage: its name, and what to do. */
static const char *const stages[][2] = {
	{ "request", "the module knows no such request, or no descriptor is left" },
	{ "open", "look at the path, and at who may read it; -i needs CAP_SYS_ADMIN" },
	{ "type", "only regular files can be loaded" },
	{ "busy", "close it where it is open for writing" },
	{ "size", "it is empty, or has more bytes than -m allows, or 256 MiB" },
	{ "memory", "close other blobs, or raise user_max_bytes or the cgroup's limit" },
	{ "lsm", "a security module refuses the file: see its log" },
	{ "read", "it does not have the bytes that it says it has, or it changed" },
	{ "lsm-post", "a security module refuses the content: see its log" },
	{ "digest", "it is not what -s or -v names" },
};

static void bad_usage(void)
{
	errx(2, "usage: load [-i (as PID 1 finds it)] [-m BYTES] [-s SHA256] [-v VERITY_SHA256] FILE");
}

static void pin(struct ferrio_fl_load *load, __u32 flag, const char *text, __u8 to[32])
{
	if (strlen(text) != 64 || text[strspn(text, "0123456789abcdefABCDEF")])
		errx(2, "%s: no SHA-256: that is 64 hexadecimal digits", text);
	for (int i = 0; i < 32; i++)
		to[i] = strtoul((char[]) { text[2 * i], text[2 * i + 1], 0 }, NULL, 16);
	load->flags |= flag;
	load->verity_bytes = load->flags & FERRIO_FL_PIN_VERITY ? 32 : 0;
	load->verity_algorithm = load->verity_bytes ? FS_VERITY_HASH_ALG_SHA256 : 0;
}

static __u64 as_bytes(const char *text)
{
	char *end;
	__u64 n = strtoull(text, &end, 0);

	if (*text < '0' || *text > '9' || *end)
		errx(2, "%s: no number of bytes, as 4096 or 0x1000 is", text);
	return n;
}

/* What to do if the device cannot be opened. */
static const char *no_device(int error)
{
	return error == ENOENT || error == ENODEV || error == ENXIO ? "insmod file_loader.ko" :
	       error == EACCES || error == EPERM ? "it is root's" : "see file_loader(4)";
}

static void print(int blob)
{
	char path[4096] = "";
	struct ferrio_fl_blob b = { sizeof(b), .path = (unsigned long)path, .path_room = sizeof(path) };

	if (ioctl(blob, FERRIO_FL_BLOB_INFO, &b))
		err(1, "FERRIO_FL_BLOB_INFO");
	fprintf(stderr, "path    %s\nbytes   %llu\nsha256  ", path, b.bytes);
	for (int i = 0; i < 32; i++)
		fprintf(stderr, "%02x", b.sha256[i]);
	fprintf(stderr, "\nfile    device %u:%u, inode %llu, modified %.24s\n", b.dev_major,
		b.dev_minor, b.inode, ctime(&(time_t) { b.mtime_sec }));
	fprintf(stderr, "loaded  as %s, by user %u; open %.3f, memory %.3f, read %.3f, digest %.3f ms\n",
		b.purpose == FERRIO_FL_FIRMWARE ? "firmware" : "?", b.uid,
		b.open_ns / 1e6, b.memory_ns / 1e6, b.read_ns / 1e6, b.digest_ns / 1e6);
}

int main(int argc, char **argv)
{
	struct ferrio_fl_failure why = { .size = sizeof(why) };
	struct ferrio_fl_load load = { .size = sizeof(load), .purpose = FERRIO_FL_FIRMWARE,
				       .max_bytes = 256 << 20, .failure = (unsigned long)&why };
	int option, init = 0, device, file, blob;

	while ((option = getopt(argc, argv, "im:s:v:")) >= 0)
		if (option == 'i')
			init = 1;
		else if (option == 'm')
			load.max_bytes = as_bytes(optarg);
		else if (option == 's')
			pin(&load, FERRIO_FL_PIN_SHA256, optarg, load.sha256);
		else if (option == 'v')
			pin(&load, FERRIO_FL_PIN_VERITY, optarg, load.verity);
		else
			bad_usage();
	if (optind + 1 != argc)
		bad_usage();
	device = open(FERRIO_FL_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		errx(1, "%s: %s; %s", FERRIO_FL_DEVICE, strerror(errno), no_device(errno));
	file = init ? 0 : open(argv[optind], O_RDONLY | O_CLOEXEC);
	if (file < 0)
		err(1, "%s", argv[optind]);
	load.source = init ? (unsigned long)argv[optind] : (unsigned long)file;
	blob = ioctl(device, init ? FERRIO_FL_LOAD_PATH : FERRIO_FL_LOAD_FD, &load);
	if (blob < 0)
		errx(1, "%s: %s: %s; %s", argv[optind], stages[why.stage][0],
		     errno == 134 /* EFTYPE */ ? "No regular file" : strerror(errno), stages[why.stage][1]);
	print(blob);
	for (ssize_t sent = !isatty(1); sent; sent = sendfile(1, blob, NULL, 1 << 30))
		if (sent < 0)
			err(1, "writing the content");
	return 0;
}
