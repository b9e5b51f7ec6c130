// SPDX-License-Identifier: MIT OR Apache-2.0

//! Modules, as `/sys/module` has them.

use super::model::Module;
use crate::root::Root;

pub(crate) fn look(root: &Root, name: &'static str) -> Module {
    let dir = format!("/sys/module/{name}");
    let text = |what: &str| root.text(format!("{dir}/{what}")).ok();
    Module {
        name,
        loaded: root.exists(&dir),
        state: text("initstate"),
        version: text("version"),
        references: root.number(format!("{dir}/refcnt")),
        taint: text("taint"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::tests::Tree;

    #[test]
    fn one_that_is_loaded() {
        let tree = Tree::new();
        let dir = "/sys/module/iov_copy";
        tree.write(format!("{dir}/initstate"), "live\n");
        tree.write(format!("{dir}/version"), "0.1.0\n");
        tree.write(format!("{dir}/refcnt"), "3\n");
        tree.write(format!("{dir}/taint"), "OE\n");
        assert_eq!(
            look(&tree.root(), "iov_copy"),
            Module {
                name: "iov_copy",
                loaded: true,
                state: Some("live".into()),
                version: Some("0.1.0".into()),
                references: Some(3),
                taint: Some("OE".into()),
            }
        );
    }

    #[test]
    fn one_that_is_not() {
        let seen = look(&Tree::new().root(), "ringbuffer");
        assert!(!seen.loaded);
        assert_eq!((seen.version, seen.references), (None, None));
    }
}
