// SPDX-License-Identifier: GPL-2.0

//! How much each user may have.
//!
//! A module has a table of [`Users`] and what they hold of it: objects, and bytes of memory. Use
//! counts against the real user id of whoever made the object, until it is gone, whoever holds its
//! descriptors by then. A [`Share`] is what one object counts for. `CAP_SYS_RESOURCE` in the
//! initial user namespace exceeds the limits.
//!
//! Lock order: the table's mutex is taken last, and nothing is called or allocated under it.

use crate::task::{self, Capability};
use kernel::{
    fs::LocalFile,
    new_mutex,
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
    sync::Arc,
    sync::Mutex,
};

/// What a user has, or may have.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// How many objects.
    pub objects: usize,
    /// Bytes of their memory.
    pub bytes: usize,
}

/// All users that have something.
#[pin_data]
pub struct Users {
    limits: fn() -> Use,
    #[pin]
    table: Mutex<RBTree<u32, Use>>,
}

impl Users {
    /// An empty table. `limits` is asked at each addition: they may be changed while the module
    /// runs.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(limits: fn() -> Use) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                limits,
                table <- new_mutex!(RBTree::new(), "ferrio_users"),
            }),
            GFP_KERNEL,
        )
    }

    /// The limits of now.
    pub fn limits(&self) -> Use {
        (self.limits)()
    }

    /// Adds to what `uid` has. `exempt` says whether the limits do not hold.
    ///
    /// That is asked only when a limit is exceeded, as asking leaves a trace in the task
    /// and in the audit log; and never under the table's lock, which every user's open and close
    /// take: neither that nor an allocation may hold them up.
    fn add(&self, uid: u32, more: Use, exempt: impl Fn() -> bool) -> Result {
        // Only a first object can meet a user who is not in the table yet.
        let mut node = match more.objects {
            0 => None,
            _ => Some(RBTreeNode::new(uid, Use::default(), GFP_KERNEL)?),
        };
        let mut privileged = false;
        loop {
            let limits = self.limits();
            let mut table = self.table.lock();
            let have = table.get(&uid).copied().unwrap_or_default();
            let sum = Use {
                objects: have.objects.checked_add(more.objects).ok_or(EDQUOT)?,
                bytes: have.bytes.checked_add(more.bytes).ok_or(EDQUOT)?,
            };
            // Only what grows is checked: a limit lowered later does not stop the other kind.
            let exceeds = (more.objects > 0 && sum.objects > limits.objects)
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
            entry.objects -= less.objects;
            entry.bytes -= less.bytes;
            *entry
        });
        if left == Some(Use::default()) {
            table.remove(&uid);
        }
    }

    /// What `uid` has. Process context, sleeps.
    pub fn get(&self, uid: u32) -> Use {
        self.table.lock().get(&uid).copied().unwrap_or_default()
    }
}

/// What one object counts for; goes back when dropped.
pub struct Share {
    users: Arc<Users>,
    uid: u32,
    mine: Use,
}

impl Share {
    /// One object with `bytes` of memory, for the caller, whose privilege counts.
    ///
    /// Process context, sleeps.
    ///
    /// # Errors
    ///
    /// `EDQUOT`, `ENOMEM`.
    pub fn new(users: &Arc<Users>, bytes: usize) -> Result<Self> {
        let mine = Use { objects: 1, bytes };
        let uid = task::real_uid();
        users.add(uid, mine, || task::capable(Capability::SYS_RESOURCE))?;
        Ok(Share {
            users: users.clone(),
            uid,
            mine,
        })
    }

    /// More memory for this object. `file` is what its memory is first used through: it is its
    /// opener's privilege that counts, not that of whoever was handed the file and writes to it.
    /// Without a file there is none.
    ///
    /// # Errors
    ///
    /// `EDQUOT`.
    pub fn add_bytes(&mut self, bytes: usize, file: Option<&LocalFile>) -> Result {
        self.users.add(self.uid, Use { objects: 0, bytes }, || {
            file.is_some_and(|file| task::opener_capable(file, Capability::SYS_RESOURCE))
        })?;
        self.mine.bytes += bytes;
        Ok(())
    }

    /// Gives the memory's share back, after a failure.
    pub fn sub_bytes(&mut self) {
        let bytes = core::mem::take(&mut self.mine.bytes);
        self.users.sub(self.uid, Use { objects: 0, bytes });
    }

    /// What the user of this object has in all.
    pub fn total(&self) -> Use {
        self.users.get(self.uid)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.users.sub(self.uid, self.mine);
    }
}
