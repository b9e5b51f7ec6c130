// SPDX-License-Identifier: GPL-2.0
/*
 * A driver in C that loads its configuration by file_loader.ko when it is inserted,
 * and shows it in /sys/kernel/debug/config_c_sample/config.  config_sample_main.rs is
 * the same in Rust.
 */
#include <linux/debugfs.h>
#include <linux/hex.h>
#include <linux/module.h>
#include <ferrio_file.h>

static char *path = "/etc/config_sample";
module_param(path, charp, 0444);
MODULE_PARM_DESC(path, "File with the configuration (default /etc/config_sample)");

static char *sha256;
module_param(sha256, charp, 0444);
MODULE_PARM_DESC(sha256, "SHA-256 that it has to have, 64 digits (default: any)");

static struct ferrio_file *config;
static struct debugfs_blob_wrapper blob;
static struct dentry *dir;

static int __init config_c_sample_init(void)
{
	struct ferrio_file_request request = {
		.purpose = FERRIO_FL_POLICY,
		.max_bytes = 4096,
	};
	struct ferrio_file_failure why;

	request.pins = sha256 ? FERRIO_FL_PIN_SHA256 : 0;
	if (sha256 && (strlen(sha256) != 64 || hex2bin(request.sha256, sha256, 32))) {
		pr_err("config_c_sample: no configuration: sha256= is no 64 digits\n");
		return -EINVAL;
	}
	config = ferrio_file_load_path(path, &request, &why);
	if (IS_ERR(config)) {
		pr_err("config_c_sample: no configuration: \"%s\": %s, error %d\n", path,
		       ferrio_file_stage_name(why.stage), why.error);
		return PTR_ERR(config);
	}
	blob.data = (void *)ferrio_file_bytes(config);
	blob.size = ferrio_file_len(config);
	dir = debugfs_create_dir("config_c_sample", NULL);
	debugfs_create_blob("config", 0400, dir, &blob);
	return 0;
}
module_init(config_c_sample_init);

static void __exit config_c_sample_exit(void)
{
	debugfs_remove(dir);
	ferrio_file_free(config);
}
module_exit(config_c_sample_exit);

MODULE_AUTHOR("The ferrio developers");
MODULE_DESCRIPTION("A sample driver in C that loads its configuration");
MODULE_LICENSE("GPL");
