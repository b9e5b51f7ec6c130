// SPDX-License-Identifier: GPL-2.0

//! How much each user may have.
//!
//! Use counts against the real user id of whoever opened the device, from the open until the ring
//! is gone, whoever holds its descriptors by then. A [`Share`] is what one ring counts for.

use ferrio::task::{self, Capability};
use kernel::{
    fs::LocalFile,
    new_mutex,
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
    sync::Arc,
    sync::Mutex,
};

ferrio::ulong_param!(
    /// Rings one user may have open.
    static MAX_RINGS: crate::LocalModule, "user_max_rings" = 1024,
    "Rings one user may have open without CAP_SYS_RESOURCE (default 1024)"
);

ferrio::ulong_param!(
    /// Bytes of ring memory one user may hold.
    static MAX_BYTES: crate::LocalModule, "user_max_bytes" = 64 << 20,
    "Bytes of ring memory one user may hold without CAP_SYS_RESOURCE (default 64 MiB)"
);

/// What a user has.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) rings: usize,
    pub(crate) bytes: usize,
}

impl Use {
    /// The limits of now.
    pub(crate) fn limits() -> Use {
        Use {
            rings: MAX_RINGS.get(),
            bytes: MAX_BYTES.get(),
        }
    }
}

/// All users that have something.
#[pin_data]
pub(crate) struct Users {
    #[pin]
    table: Mutex<RBTree<u32, Use>>,
}

impl Users {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                table <- new_mutex!(RBTree::new(), "ringbuffer_users"),
            }),
            GFP_KERNEL,
        )
    }

    /// Adds to what `uid` has. `exempt` says whether the limits do not hold.
    ///
    /// That is asked only when a limit is exceeded, as asking leaves a trace in the task
    /// and in the audit log; and never under the table's lock, which every user's open and close
    /// take: neither that nor an allocation may hold them up.
    fn add(&self, uid: u32, more: Use, exempt: impl Fn() -> bool) -> Result {
        // Only a first ring can meet a user who is not in the table yet.
        let mut node = match more.rings {
            0 => None,
            _ => Some(RBTreeNode::new(uid, Use::default(), GFP_KERNEL)?),
        };
        let mut privileged = false;
        loop {
            let limits = Use::limits();
            let mut table = self.table.lock();
            let have = table.get(&uid).copied().unwrap_or_default();
            let sum = Use {
                rings: have.rings.checked_add(more.rings).ok_or(EDQUOT)?,
                bytes: have.bytes.checked_add(more.bytes).ok_or(EDQUOT)?,
            };
            // Only what grows is checked: a limit lowered later does not stop the other kind.
            let exceeds = (more.rings > 0 && sum.rings > limits.rings)
                || (more.bytes > 0 && sum.bytes > limits.bytes);
            if exceeds && !privileged {
                drop(table);
                if !exempt() {
                    return Err(EDQUOT);
                }
                privileged = true;
                continue;
            }
            if table.get(&uid).is_none() {
                if let Some(node) = node.take() {
                    table.insert(node);
                }
            }
            *table.get_mut(&uid).ok_or(ENOMEM)? = sum;
            return Ok(());
        }
    }

    fn sub(&self, uid: u32, less: Use) {
        let mut table = self.table.lock();
        let left = table.get_mut(&uid).map(|entry| {
            entry.rings -= less.rings;
            entry.bytes -= less.bytes;
            *entry
        });
        if left == Some(Use::default()) {
            table.remove(&uid);
        }
    }

    fn get(&self, uid: u32) -> Use {
        self.table.lock().get(&uid).copied().unwrap_or_default()
    }
}

/// What one ring counts for; goes back when dropped.
pub(crate) struct Share {
    users: Arc<Users>,
    uid: u32,
    mine: Use,
}

impl Share {
    /// One ring without memory, for the caller.
    ///
    /// # Errors
    ///
    /// `EDQUOT`, `ENOMEM`.
    pub(crate) fn new(users: &Arc<Users>) -> Result<Self> {
        let mine = Use { rings: 1, bytes: 0 };
        let uid = task::real_uid();
        users.add(uid, mine, || task::capable(Capability::SYS_RESOURCE))?;
        Ok(Share {
            users: users.clone(),
            uid,
            mine,
        })
    }

    /// Memory for this ring, once. `file` is what its memory is first used through: it is its
    /// opener's privilege that counts, not that of whoever was handed the file and writes to it.
    /// Without a file there is none.
    ///
    /// # Errors
    ///
    /// `EDQUOT`.
    pub(crate) fn add_bytes(&mut self, bytes: usize, file: Option<&LocalFile>) -> Result {
        self.users.add(self.uid, Use { rings: 0, bytes }, || {
            file.is_some_and(|file| task::opener_capable(file, Capability::SYS_RESOURCE))
        })?;
        self.mine.bytes += bytes;
        Ok(())
    }

    /// Gives the memory's share back, after a failure.
    pub(crate) fn sub_bytes(&mut self) {
        let bytes = core::mem::take(&mut self.mine.bytes);
        self.users.sub(self.uid, Use { rings: 0, bytes });
    }

    /// What the user of this ring has in all.
    pub(crate) fn total(&self) -> Use {
        self.users.get(self.uid)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.users.sub(self.uid, self.mine);
    }
}
