// SPDX-License-Identifier: GPL-2.0

//! Functions for other modules: C functions, with the names and prototypes of a header.
//!
//! Rust's own symbols have mangled names that change with every build. So a module exports C
//! functions, and drivers in Rust have a crate over them (`rust/driver`).
//!
//! ```ignore
//! use crate::abi; // What bindgen makes of the header.
//!
//! ferrio::export! {
//!     abi {
//!         fn ferrio_file_load_fd(fd: i32, request: In<abi::ferrio_file_request>)
//!             -> Result<KBox<Content>> = load_fd;
//!     }
//! }
//! ```
//!
//! calls `load_fd(fd: i32, request: Option<&abi::ferrio_file_request>)`, and does not compile if
//! the header has another prototype. A type of the list is a kind of [argument](FromC) or
//! [result](IntoC), which says what C has in its place, and what has to be true of that: the
//! header's documentation asks its callers for just this.
//!
//! `EXPORT_SYMBOL_GPL()` of each stands in a C file of the module, which includes the header.

pub mod files;
pub mod memory;

use crate::poll::Mask;
use core::{ffi::c_void, marker::PhantomData, ptr::NonNull};
use kernel::{bindings, fs::LocalFile, prelude::*, sync::Arc, uaccess::UserPtr};

/// A call of an exported function, while it runs.
pub struct Call(());

impl Call {
    /// Only for [`export!`].
    #[doc(hidden)]
    pub fn new() -> Self {
        Call(())
    }
}

/// A kind of argument.
pub trait FromC {
    /// What C passes.
    type C;
    /// What Rust gets, for the time of the call.
    type Rust<'a>;

    /// # Safety
    ///
    /// `c` must be what the documentation of the kind asks for, for as long as `'a`.
    unsafe fn from_c<'a>(c: Self::C, call: &'a Call) -> Self::Rust<'a>;
}

macro_rules! plain {
    ($($ty:ty)*) => { $(
        /// Any number.
        impl FromC for $ty {
            type C = $ty;
            type Rust<'a> = $ty;

            #[inline]
            unsafe fn from_c<'a>(c: $ty, _call: &'a Call) -> $ty {
                c
            }
        }
    )* };
}
plain!(i32 u32 u64 usize);

/// `const char *`: NULL, an error, or a string that ends in a zero byte, and that nobody writes to.
pub struct Text;

impl FromC for Text {
    type C = *const c_char;
    type Rust<'a> = Option<&'a CStr>;

    unsafe fn from_c<'a>(c: *const c_char, _call: &'a Call) -> Option<&'a CStr> {
        let c = kernel::error::from_err_ptr(c.cast_mut()).ok()?;
        // SAFETY: A string that lives for `'a`, and that nobody writes to, by our contract.
        (!c.is_null()).then(|| unsafe { CStr::from_char_ptr(c) })
    }
}

/// `const T *`: NULL, or an initialised `T` that nobody writes to.
pub struct In<T>(PhantomData<T>);

impl<T: FromBytes + 'static> FromC for In<T> {
    type C = *const T;
    type Rust<'a> = Option<&'a T>;

    unsafe fn from_c<'a>(c: *const T, _call: &'a Call) -> Option<&'a T> {
        // SAFETY: Valid for `'a`, and nobody writes to it, by our contract.
        unsafe { c.as_ref() }
    }
}

/// `T *`: NULL, or memory for a `T` that nobody else uses, initialised or not.
pub struct Out<T>(PhantomData<T>);

impl<T: FromBytes + Default + 'static> FromC for Out<T> {
    type C = *mut T;
    type Rust<'a> = Option<&'a mut T>;

    unsafe fn from_c<'a>(c: *mut T, _call: &'a Call) -> Option<&'a mut T> {
        if c.is_null() {
            return None;
        }
        // SAFETY: Valid for writes by our contract.
        unsafe { c.write(T::default()) };
        // SAFETY: Initialised just now; valid for `'a`, and ours alone, by our contract.
        unsafe { c.as_mut() }
    }
}

/// `struct file *`: NULL, an error, or an open file, of which the caller has a reference, and whose
/// position nobody else is just using by a reference that is not counted (`fdget_pos()`).
pub struct OpenedFile;

impl FromC for OpenedFile {
    type C = *mut bindings::file;
    type Rust<'a> = Option<&'a LocalFile>;

    unsafe fn from_c<'a>(c: *mut bindings::file, _call: &'a Call) -> Option<&'a LocalFile> {
        let c = kernel::error::from_err_ptr(c).ok()?;
        // SAFETY: An open file for `'a`, as from_raw_file() asks for, by our contract.
        (!c.is_null()).then(|| unsafe { LocalFile::from_raw_file(c) })
    }
}

/// `const void __user *`: any address.
pub struct User;

impl FromC for User {
    type C = *const c_void;
    type Rust<'a> = UserPtr;

    unsafe fn from_c<'a>(c: *const c_void, _call: &'a Call) -> UserPtr {
        UserPtr::from_addr(c as usize)
    }
}

/// What C has a pointer to, and does not look into.
pub trait Opaque: Send + Sync + 'static {
    /// The type of the header.
    type C;
}

/// `const T *`: what a function returned as `Result<KBox<T>>` or `Result<Arc<T>>`, and that was not
/// [`Given`] back, nor the last reference of it [`Put`].
pub struct Lent<T>(PhantomData<T>);

impl<T: Opaque> FromC for Lent<T> {
    type C = *const T::C;
    type Rust<'a> = &'a T;

    #[inline]
    unsafe fn from_c<'a>(c: *const T::C, _call: &'a Call) -> &'a T {
        // SAFETY: From a KBox<T> or an Arc<T> that nobody drops for `'a`, by our contract. Nobody
        // has a mutable reference: there are only those of this function.
        unsafe { &*c.cast::<T>() }
    }
}

/// `T *`: as [`Lent`]; it changes, but as one that is shared does.
pub struct Used<T>(PhantomData<T>);

impl<T: Opaque> FromC for Used<T> {
    type C = *mut T::C;
    type Rust<'a> = &'a T;

    #[inline]
    unsafe fn from_c<'a>(c: *mut T::C, call: &'a Call) -> &'a T {
        // SAFETY: The same contract.
        unsafe { Lent::<T>::from_c(c, call) }
    }
}

/// `T *`: as [`Lent`], but nobody has it any more behind the call; or NULL, or an error.
pub struct Given<T>(PhantomData<T>);

impl<T: Opaque> FromC for Given<T> {
    type C = *mut T::C;
    type Rust<'a> = Option<KBox<T>>;

    unsafe fn from_c<'a>(c: *mut T::C, _call: &'a Call) -> Option<KBox<T>> {
        let c = kernel::error::from_err_ptr(c).ok()?;
        // SAFETY: From KBox::into_raw() of a KBox<T>, and nobody else has it, by our contract.
        (!c.is_null()).then(|| unsafe { KBox::from_raw(c.cast::<T>()) })
    }
}

/// `T *`: a reference that nobody has any more behind the call, of one that a function returned as
/// `Result<Arc<T>>`; or NULL, or an error.
pub struct Put<T>(PhantomData<T>);

impl<T: Opaque> FromC for Put<T> {
    type C = *mut T::C;
    type Rust<'a> = Option<Arc<T>>;

    unsafe fn from_c<'a>(c: *mut T::C, _call: &'a Call) -> Option<Arc<T>> {
        let c = kernel::error::from_err_ptr(c).ok()?;
        // SAFETY: From Arc::into_raw() of an Arc<T>, or of a clone of it, and this reference is
        // nobody else's, by our contract.
        (!c.is_null()).then(|| unsafe { Arc::from_raw(c.cast::<T>()) })
    }
}

/// `T *`: one that a function returned as `Result<Arc<T>>`, and whose last reference was not
/// [`Put`]; another one can be made of it.
pub struct Shared<T>(PhantomData<T>);

impl<T: Opaque> FromC for Shared<T> {
    type C = *mut T::C;
    type Rust<'a> = kernel::sync::ArcBorrow<'a, T>;

    unsafe fn from_c<'a>(c: *mut T::C, _call: &'a Call) -> kernel::sync::ArcBorrow<'a, T> {
        // SAFETY: From Arc::into_raw() of an Arc<T> that lives for 'a, by our contract; nobody has
        // a mutable reference.
        unsafe { kernel::sync::ArcBorrow::from_raw(c.cast::<T>()) }
    }
}

/// A kind of result.
pub trait IntoC {
    /// What C gets.
    type C;

    /// Makes it of what Rust has.
    fn into_c(self) -> Self::C;
}

macro_rules! plain_result {
    ($($ty:ty)*) => { $(
        impl IntoC for $ty {
            type C = $ty;

            #[inline]
            fn into_c(self) -> $ty {
                self
            }
        }
    )* };
}
plain_result!(() usize *const u8 *const c_void);

/// A pointer that is not NULL, or an error, as `ERR_PTR()`.
impl<T: Opaque> IntoC for Result<KBox<T>> {
    type C = *mut T::C;

    fn into_c(self) -> *mut T::C {
        match self {
            Ok(value) => KBox::into_raw(value).cast::<T::C>(),
            Err(error) => error.to_ptr(),
        }
    }
}

/// A reference, which is a pointer that is not NULL, or an error, as `ERR_PTR()`.
impl<T: Opaque> IntoC for Result<Arc<T>> {
    type C = *mut T::C;

    fn into_c(self) -> *mut T::C {
        match self {
            Ok(value) => Arc::into_raw(value).cast_mut().cast::<T::C>(),
            Err(error) => error.to_ptr(),
        }
    }
}

/// Memory, or an error, as `ERR_PTR()`.
impl IntoC for Result<NonNull<u8>> {
    type C = *mut c_void;

    #[inline]
    fn into_c(self) -> *mut c_void {
        match self {
            Ok(start) => start.as_ptr().cast(),
            Err(error) => error.to_ptr(),
        }
    }
}

/// 0 or an errno, `int`.
impl IntoC for Result {
    type C = c_int;

    #[inline]
    fn into_c(self) -> c_int {
        self.map_or_else(|error| error.to_errno(), |()| 0)
    }
}

/// A count of at most `SSIZE_MAX`, as of bytes in memory, or an errno: `ssize_t`.
impl IntoC for Result<usize> {
    type C = isize;

    #[inline]
    fn into_c(self) -> isize {
        self.map_or_else(|error| error.to_errno() as isize, |count| count as isize)
    }
}

/// `__poll_t`.
impl IntoC for Mask {
    type C = bindings::__poll_t;

    fn into_c(self) -> bindings::__poll_t {
        self.bits()
    }
}

/// Defines C functions that call those of Rust, see the [module](self).
#[macro_export]
macro_rules! export {
    ($header:ident { $(
        $(#[$doc:meta])*
        fn $name:ident($($arg:ident: $from:ty),* $(,)?) $(-> $into:ty)? = $body:path;
    )* }) => { $(
        // All branches have one type, so this is the type of the header's prototype.
        const _: () = {
            if true {
                $header::$name
            } else {
                $name
            };
        };

        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// As the header has it.
        #[no_mangle]
        pub unsafe extern "C" fn $name(
            $($arg: <$from as $crate::export::FromC>::C),*
        ) $(-> <$into as $crate::export::IntoC>::C)? {
            // What Rust makes of the arguments does not outlive this.
            let call = $crate::export::Call::new();
            $(
                // SAFETY: What the kind of argument asks for, the header asks of the caller, until
                // this returns.
                let $arg = unsafe { <$from as $crate::export::FromC>::from_c($arg, &call) };
            )*
            $crate::export::IntoC::into_c($body($($arg),*))
        }
    )* };
}
pub use export;
