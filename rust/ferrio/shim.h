/* SPDX-License-Identifier: GPL-2.0 */
/*
 * C shims for what Rust cannot call: static inlines, macros, and types that the
 * kernel's own bindings keep opaque.  bindgen reads this header with the flags
 * of the kernel's C compiler, so the prototypes that Rust sees are these.
 */
#ifndef FERRIO_SHIM_H
#define FERRIO_SHIM_H

#include <linux/fs.h>
#include <linux/anon_inodes.h>
#include <linux/bvec.h>
#include <linux/irq_work.h>
#include <linux/limits.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pipe_fs_i.h>
#include <linux/poll.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/splice.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

struct mem_cgroup;

/* Macros and __bitwise constants, as numbers. */
enum ferrio_const {
	FERRIO_IOCB_NOWAIT = (__force int)IOCB_NOWAIT,
	FERRIO_IOCB_APPEND = (__force int)IOCB_APPEND,
	FERRIO_IOCB_NOSIGNAL = (__force int)IOCB_NOSIGNAL,
	FERRIO_FMODE_READ = (__force int)FMODE_READ,
	FERRIO_FMODE_WRITE = (__force int)FMODE_WRITE,
	FERRIO_SEEK_DATA = SEEK_DATA,
	FERRIO_SEEK_HOLE = SEEK_HOLE,
	FERRIO_EPOLLIN = (__force int)EPOLLIN,
	FERRIO_EPOLLRDNORM = (__force int)EPOLLRDNORM,
	FERRIO_EPOLLOUT = (__force int)EPOLLOUT,
	FERRIO_EPOLLWRNORM = (__force int)EPOLLWRNORM,
	FERRIO_EPOLLONESHOT = (__force int)EPOLLONESHOT,
	FERRIO_EPOLLERR = (__force int)EPOLLERR,
	FERRIO_EPOLLHUP = (__force int)EPOLLHUP,
	FERRIO_PIPE_BUF = PIPE_BUF,
	FERRIO_MAX_RW_COUNT = MAX_RW_COUNT,
	FERRIO_MAX_PAGE_ORDER = MAX_PAGE_ORDER,
	FERRIO_SPLICE_F_NONBLOCK = SPLICE_F_NONBLOCK,
	FERRIO_CAP_SYS_ADMIN = CAP_SYS_ADMIN,
	FERRIO_CAP_SYS_RESOURCE = CAP_SYS_RESOURCE,
	FERRIO_VM_FAULT_SIGBUS = (__force int)VM_FAULT_SIGBUS,
	FERRIO_VERITY_MAX = 64,
};

/* Bit 31: as an int it would make all of the above signed. */
enum ferrio_const_high {
	FERRIO_EPOLLET = (__force u32)EPOLLET,
	FERRIO_EPOLLEXCLUSIVE = (__force u32)EPOLLEXCLUSIVE,
};

/*
 * What C thinks of the types that Rust takes from kernel::bindings.  sys.rs
 * compares each number with its own, so that a difference between the two
 * compilers' views stops the build and not the machine.
 */
enum ferrio_layout {
	FERRIO_SIZEOF_FILE = sizeof(struct file),
	FERRIO_OFFSET_FILE_MODE = offsetof(struct file, f_mode),
	FERRIO_OFFSET_FILE_PRIVATE = offsetof(struct file, private_data),
	FERRIO_SIZEOF_FOPS = sizeof(const struct file_operations),
	FERRIO_OFFSET_FOPS_SPLICE_READ = offsetof(const struct file_operations, splice_read),
	FERRIO_SIZEOF_KIOCB = sizeof(struct kiocb),
	FERRIO_OFFSET_KIOCB_FILP = offsetof(struct kiocb, ki_filp),
	FERRIO_OFFSET_KIOCB_POS = offsetof(struct kiocb, ki_pos),
	FERRIO_OFFSET_KIOCB_FLAGS = offsetof(struct kiocb, ki_flags),
	FERRIO_SIZEOF_IOV_ITER = sizeof(struct iov_iter),
	FERRIO_OFFSET_IOV_ITER_COUNT = offsetof(struct iov_iter, count),
	FERRIO_SIZEOF_IOVEC = sizeof(struct iovec),
	FERRIO_SIZEOF_KVEC = sizeof(struct kvec),
	FERRIO_SIZEOF_BVEC = sizeof(struct bio_vec),
	FERRIO_OFFSET_BVEC_OFFSET = offsetof(struct bio_vec, bv_offset),
	FERRIO_SIZEOF_SG = sizeof(struct scatterlist),
	FERRIO_SIZEOF_SG_TABLE = sizeof(struct sg_table),
	FERRIO_OFFSET_SG_TABLE_NENTS = offsetof(struct sg_table, nents),
	FERRIO_SIZEOF_MISCDEVICE = sizeof(struct miscdevice),
	FERRIO_OFFSET_MISCDEVICE_MINOR = offsetof(struct miscdevice, minor),
	FERRIO_OFFSET_MISCDEVICE_NAME = offsetof(struct miscdevice, name),
	FERRIO_OFFSET_MISCDEVICE_FOPS = offsetof(struct miscdevice, fops),
	FERRIO_OFFSET_MISCDEVICE_MODE = offsetof(struct miscdevice, mode),
	FERRIO_SIZEOF_MUTEX = sizeof(struct mutex),
	FERRIO_SIZEOF_WAIT_QUEUE_HEAD = sizeof(struct wait_queue_head),
	FERRIO_SIZEOF_WAIT_QUEUE_ENTRY = sizeof(struct wait_queue_entry),
	FERRIO_SIZEOF_KERNEL_PARAM = sizeof(struct kernel_param),
	FERRIO_OFFSET_KERNEL_PARAM_PERM = offsetof(struct kernel_param, perm),
	FERRIO_OFFSET_KERNEL_PARAM_ARG = offsetof(struct kernel_param, arg),
	FERRIO_SIZEOF_VMA = sizeof(struct vm_area_struct),
	FERRIO_OFFSET_VMA_OPS = offsetof(struct vm_area_struct, vm_ops),
	FERRIO_OFFSET_VMA_PGOFF = offsetof(struct vm_area_struct, vm_pgoff),
	FERRIO_OFFSET_VMA_FILE = offsetof(struct vm_area_struct, vm_file),
	FERRIO_SIZEOF_VM_OPS = sizeof(const struct vm_operations_struct),
	FERRIO_OFFSET_VM_OPS_MAY_SPLIT = offsetof(const struct vm_operations_struct, may_split),
	FERRIO_OFFSET_VM_OPS_FAULT = offsetof(const struct vm_operations_struct, fault),
	FERRIO_SIZEOF_VM_FAULT = sizeof(struct vm_fault),
	FERRIO_OFFSET_VM_FAULT_VMA = offsetof(struct vm_fault, vma),
	FERRIO_OFFSET_VM_FAULT_PGOFF = offsetof(struct vm_fault, pgoff),
	FERRIO_OFFSET_VM_FAULT_PAGE = offsetof(struct vm_fault, page),
};

/* Pages. */
struct page *ferrio_page_alloc(void);
void ferrio_page_free(struct page *page);
void ferrio_page_get(struct page *page);
unsigned long ferrio_page_count(struct page *page);
void *ferrio_page_address(struct page *page);
struct page *ferrio_page_of(const void *address);

struct page *ferrio_folio_alloc(unsigned int order);

/* Iterators. */
size_t ferrio_copy_to_iter(const void *from, size_t len, struct iov_iter *iter);
size_t ferrio_copy_from_iter(void *to, size_t len, struct iov_iter *iter);
size_t ferrio_copy_from_iter_nocache(void *to, size_t len, struct iov_iter *iter);
#ifdef CONFIG_ARCH_HAS_UACCESS_FLUSHCACHE
size_t ferrio_copy_from_iter_flushcache(void *to, size_t len, struct iov_iter *iter);
#endif
#ifdef CONFIG_ARCH_HAS_COPY_MC
size_t ferrio_copy_mc_to_iter(const void *from, size_t len, struct iov_iter *iter);
#endif
void ferrio_sg_unpin(struct scatterlist *list, unsigned int count, size_t written);
u32 ferrio_crc32c(u32 sum, const void *from, size_t len);

/* Only in modules of tests. */
unsigned long ferrio_user_map(unsigned long at, unsigned long len, bool writable);

/* Mappings. */
int ferrio_vma_insert(struct vm_area_struct *vma, unsigned long address,
		      struct page **pages, unsigned long count);

/* Memory cgroups; NULL and no-ops without CONFIG_MEMCG. */
struct mem_cgroup *ferrio_memcg_get(void);
void ferrio_memcg_put(struct mem_cgroup *memcg);
struct mem_cgroup *ferrio_memcg_enter(struct mem_cgroup *memcg);
void ferrio_memcg_leave(struct mem_cgroup *old);

/* Tasks, waiting. */
bool ferrio_fatal_signal_pending(void);
bool ferrio_long_call_interrupted(void);
bool ferrio_long_work_interrupted(void);
bool ferrio_should_stop(void);
void ferrio_irq_work_init(struct irq_work *work, void (*func)(struct irq_work *));
void ferrio_send_sigpipe(void);
u32 ferrio_current_ruid(void);
bool ferrio_wq_has_sleeper(struct wait_queue_head *head);
ktime_t ferrio_timens_to_host(ktime_t at);
void ferrio_wake(struct wait_queue_head *head, u32 mask);
void ferrio_wake_all(struct wait_queue_head *head, u32 mask);
int ferrio_mutex_lock_killable(struct mutex *lock);
int ferrio_mutex_lock_interruptible(struct mutex *lock);
bool ferrio_mutex_unlock_check(struct mutex *lock, const s32 *flag);

/* Files. */
struct file *ferrio_anon_file(const char *name, const struct file_operations *fops,
			      void *priv, int flags, bool stream, bool nowait,
			      bool one_position);
void ferrio_file_open_mode(struct inode *inode, struct file *file, bool stream,
			   bool nowait, bool one_position);

/* Files that the kernel reads. */
struct ferrio_stamp {
	u64 inode;
	s64 mtime_sec;
	u32 mtime_nsec;
	u32 dev_major;
	u32 dev_minor;
};

struct file *ferrio_open_regular(const char *name, bool init_fs, bool *irregular);
int ferrio_file_to_read(struct file *file);
bool ferrio_file_kernel_reads(struct file *file);
bool ferrio_is_kernel_thread(void);
bool ferrio_has_memory(void);
bool ferrio_has_files(void);
bool ferrio_file_is_regular(struct file *file);
int ferrio_file_deny_write(struct file *file);
void ferrio_file_allow_write(struct file *file);
loff_t ferrio_file_size(struct file *file);
int ferrio_file_stamp(struct file *file, struct ferrio_stamp *stamp);
int ferrio_file_verity(struct file *file, u8 digest[FERRIO_VERITY_MAX], u8 *algorithm);

/* Memory in a row. */
void *ferrio_vmap(struct page **pages, unsigned int count);
int ferrio_pages_alloc(struct page **pages, unsigned int order);
void ferrio_pages_free(struct page **pages, unsigned long count);

/* The log. */
int ferrio_log_may_say(void);

/* Only in modules of tests. */
struct file *ferrio_test_file(loff_t size);
struct file *ferrio_test_reopen(struct file *file, int flags);
void ferrio_test_close(struct file *file);
int ferrio_test_resize(struct file *file, loff_t size);
struct page *ferrio_test_page(const void *at);
void ferrio_test_page_copy(struct page *page, void *to);
void ferrio_test_page_put(struct page *page);

/*
 * Splice.  `step` moves bytes between the iterator and its own store; what it
 * moved is what the iterator advanced by, its return value counts only when
 * that is nothing: 0 or a negative errno.
 */
typedef int (*ferrio_splice_step_t)(struct iov_iter *iter, void *data);
ssize_t ferrio_splice_to_pipe(struct pipe_inode_info *pipe, size_t len,
			      ferrio_splice_step_t step, void *data);
ssize_t ferrio_splice_from_pipe(struct pipe_inode_info *pipe, size_t len,
				unsigned int flags, ferrio_splice_step_t step,
				void *data);

#endif /* FERRIO_SHIM_H */
