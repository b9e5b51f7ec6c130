// SPDX-License-Identifier: MIT OR Apache-2.0

//! The directory under which `/proc`, `/sys` and so on are: `/`, but for tests.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

#[derive(Clone)]
pub(crate) struct Root(PathBuf);

impl FromStr for Root {
    type Err = std::convert::Infallible;

    fn from_str(dir: &str) -> Result<Self, Self::Err> {
        Ok(Root(dir.into()))
    }
}

impl Root {
    /// Where `path`, which begins with a slash, is.
    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The text of a file, without white space at its ends.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> io::Result<String> {
        fs::read(self.at(path)).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// The number that a file of one is.
    pub(crate) fn number(&self, path: impl AsRef<Path>) -> Option<u64> {
        self.text(path).ok()?.parse().ok()
    }

    pub(crate) fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.at(path).exists()
    }

    /// Whether it is the running system's, so that system calls tell of it.
    pub(crate) fn is_live(&self) -> bool {
        self.0 == Path::new("/")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Path, Root};
    use std::{fs, os::unix::fs::symlink};
    use tempfile::TempDir;

    /// A system made of files, for what reads of one.
    pub(crate) struct Tree(TempDir);

    impl Tree {
        pub(crate) fn new() -> Self {
            Tree(TempDir::new().expect("a directory"))
        }

        pub(crate) fn root(&self) -> Root {
            Root(self.0.path().into())
        }

        pub(crate) fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
            let path = self.root().at(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("its directory");
            fs::write(path, text).expect("a file");
        }

        pub(crate) fn link(&self, path: &str, target: &str) {
            let path = self.root().at(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("its directory");
            symlink(target, path).expect("a link");
        }

        pub(crate) fn dir(&self, path: &str) {
            fs::create_dir_all(self.root().at(path)).expect("a directory");
        }
    }
}
