// SPDX-License-Identifier: GPL-2.0

//! The C shims of `shim.h` as bindgen sees them, and the check that both compilers agree.

#![allow(
    clippy::all,
    dead_code,
    // Empty C structs deep in the kernel's types, as in the kernel's own bindings crate.
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]

// FERRIO_GEN is the directory of the generated files; Kbuild exports it.
include!(concat!(
    env!("FERRIO_GEN"),
    "/rust/ferrio/bindings_generated.rs"
));

use core::mem::{offset_of, size_of};

// The C compiler's numbers come through enum ferrio_layout of shim.h.
const _: () = {
    assert!(size_of::<file>() == FERRIO_SIZEOF_FILE as usize);
    assert!(offset_of!(file, f_mode) == FERRIO_OFFSET_FILE_MODE as usize);
    assert!(offset_of!(file, private_data) == FERRIO_OFFSET_FILE_PRIVATE as usize);
    assert!(size_of::<file_operations>() == FERRIO_SIZEOF_FOPS as usize);
    assert!(offset_of!(file_operations, splice_read) == FERRIO_OFFSET_FOPS_SPLICE_READ as usize);
    assert!(size_of::<kiocb>() == FERRIO_SIZEOF_KIOCB as usize);
    assert!(offset_of!(kiocb, ki_filp) == FERRIO_OFFSET_KIOCB_FILP as usize);
    assert!(offset_of!(kiocb, ki_pos) == FERRIO_OFFSET_KIOCB_POS as usize);
    assert!(offset_of!(kiocb, ki_flags) == FERRIO_OFFSET_KIOCB_FLAGS as usize);
    assert!(size_of::<iov_iter>() == FERRIO_SIZEOF_IOV_ITER as usize);
    assert!(
        offset_of!(iov_iter, __bindgen_anon_1)
            + offset_of!(iov_iter__bindgen_ty_1__bindgen_ty_1, count)
            == FERRIO_OFFSET_IOV_ITER_COUNT as usize
    );
    assert!(size_of::<iovec>() == FERRIO_SIZEOF_IOVEC as usize);
    assert!(size_of::<kvec>() == FERRIO_SIZEOF_KVEC as usize);
    assert!(size_of::<bio_vec>() == FERRIO_SIZEOF_BVEC as usize);
    assert!(offset_of!(bio_vec, bv_offset) == FERRIO_OFFSET_BVEC_OFFSET as usize);
    assert!(size_of::<scatterlist>() == FERRIO_SIZEOF_SG as usize);
    assert!(size_of::<sg_table>() == FERRIO_SIZEOF_SG_TABLE as usize);
    assert!(offset_of!(sg_table, nents) == FERRIO_OFFSET_SG_TABLE_NENTS as usize);
    assert!(size_of::<miscdevice>() == FERRIO_SIZEOF_MISCDEVICE as usize);
    assert!(offset_of!(miscdevice, minor) == FERRIO_OFFSET_MISCDEVICE_MINOR as usize);
    assert!(offset_of!(miscdevice, name) == FERRIO_OFFSET_MISCDEVICE_NAME as usize);
    assert!(offset_of!(miscdevice, fops) == FERRIO_OFFSET_MISCDEVICE_FOPS as usize);
    assert!(offset_of!(miscdevice, mode) == FERRIO_OFFSET_MISCDEVICE_MODE as usize);
    assert!(size_of::<mutex>() == FERRIO_SIZEOF_MUTEX as usize);
    assert!(size_of::<wait_queue_head>() == FERRIO_SIZEOF_WAIT_QUEUE_HEAD as usize);
    assert!(size_of::<wait_queue_entry>() == FERRIO_SIZEOF_WAIT_QUEUE_ENTRY as usize);
    assert!(size_of::<kernel_param>() == FERRIO_SIZEOF_KERNEL_PARAM as usize);
    assert!(offset_of!(kernel_param, perm) == FERRIO_OFFSET_KERNEL_PARAM_PERM as usize);
    assert!(offset_of!(kernel_param, __bindgen_anon_1) == FERRIO_OFFSET_KERNEL_PARAM_ARG as usize);
    assert!(size_of::<vm_area_struct>() == FERRIO_SIZEOF_VMA as usize);
    assert!(offset_of!(vm_area_struct, vm_ops) == FERRIO_OFFSET_VMA_OPS as usize);
    assert!(offset_of!(vm_area_struct, vm_pgoff) == FERRIO_OFFSET_VMA_PGOFF as usize);
    assert!(offset_of!(vm_area_struct, vm_file) == FERRIO_OFFSET_VMA_FILE as usize);
    assert!(size_of::<vm_operations_struct>() == FERRIO_SIZEOF_VM_OPS as usize);
    assert!(offset_of!(vm_operations_struct, may_split) == FERRIO_OFFSET_VM_OPS_MAY_SPLIT as usize);
    assert!(offset_of!(vm_operations_struct, fault) == FERRIO_OFFSET_VM_OPS_FAULT as usize);
    assert!(size_of::<vm_fault>() == FERRIO_SIZEOF_VM_FAULT as usize);
    assert!(offset_of!(vm_fault, __bindgen_anon_1.vma) == FERRIO_OFFSET_VM_FAULT_VMA as usize);
    assert!(offset_of!(vm_fault, __bindgen_anon_1.pgoff) == FERRIO_OFFSET_VM_FAULT_PGOFF as usize);
    assert!(offset_of!(vm_fault, page) == FERRIO_OFFSET_VM_FAULT_PAGE as usize);
};
