//! [`Root`]: a folder whose files are used by paths that stay inside it.
//!
//! On Linux the kernel itself refuses a path that leads out, through `..` or a symbolic link, as it
//! opens it. Elsewhere, and where a sandbox forbids that call, the path is looked up first.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Mode, OFlags};

use super::TransportError;
use super::error::is_fd_limit;
use crate::metrics::FailureKind;
use crate::value::file;

/// The size of the pieces in which files are read and written.
pub(crate) const CHUNK: usize = 64 << 10;
/// The largest file whose content is kept.
const MAX_KEPT: usize = 16 << 20;
/// The permissions of a file that is created; the process's mask applies.
const NEW_FILE: Mode = Mode::from_raw_mode(0o666);

/// A folder that a run may use.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    #[cfg(target_os = "linux")]
    folder: File,
}

/// What was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// Its size in bytes.
    pub size: u64,
    /// The content, if it is kept.
    pub bytes: Vec<u8>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    /// Whether the content is added at the end.
    pub append: bool,
    /// Whether it has to reach the disk.
    pub fsync: bool,
}

/// Why a file could not be used.
#[derive(Debug)]
pub(crate) enum FileFailure {
    /// It was no longer wanted.
    Unwanted,
    /// It failed.
    Failed(TransportError),
}

impl From<TransportError> for FileFailure {
    fn from(error: TransportError) -> Self {
        Self::Failed(error)
    }
}

fn failed(what: &str, typed: &str, error: &io::Error) -> TransportError {
    let kind = if is_fd_limit(error) {
        FailureKind::FdLimit
    } else {
        FailureKind::File
    };
    refused(kind, format!("can't {what} `{typed}`: {error}"))
}

const fn refused(kind: FailureKind, message: String) -> TransportError {
    TransportError { kind, message }
}

impl Root {
    /// Opens a folder.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // `Path::new("")` denotes the current folder, but not to the system.
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        Ok(Self {
            path: path.to_owned(),
            #[cfg(target_os = "linux")]
            folder: File::open(path)?,
        })
    }

    /// Reads a file to its end, and keeps its content if `keep`. `unwanted` is asked after each
    /// piece.
    pub(crate) fn read(
        &self,
        typed: &str,
        keep: bool,
        unwanted: &dyn Fn() -> bool,
    ) -> Result<Content, FileFailure> {
        let mut file = self.regular(typed, OFlags::RDONLY)?;
        let mut content = Content::default();
        let mut chunk = vec![0; CHUNK];
        loop {
            let n = match file.read(&mut chunk) {
                Ok(0) => return Ok(content),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("read", typed, &error).into()),
            };
            content.size += n as u64;
            if keep {
                if content.bytes.len() + n > MAX_KEPT {
                    let message = format!(
                        "`{typed}` is larger than {} MiB, the maximum for a content that is checked",
                        MAX_KEPT >> 20
                    );
                    return Err(refused(FailureKind::File, message).into());
                }
                content.bytes.extend_from_slice(&chunk[..n]);
            }
            if unwanted() {
                return Err(FileFailure::Unwanted);
            }
        }
    }

    /// Writes a file from `content`, piece by piece, and creates its folders.
    pub(crate) fn write<'c>(
        &self,
        typed: &str,
        content: impl Iterator<Item = &'c [u8]>,
        how: Writing,
        unwanted: &dyn Fn() -> bool,
    ) -> Result<u64, FileFailure> {
        let end = if how.append {
            OFlags::APPEND
        } else {
            OFlags::TRUNC
        };
        let flags = OFlags::WRONLY | OFlags::CREATE | end;
        let mut file = match self.regular(typed, flags) {
            Err(FileFailure::Failed(_)) if self.make_folders(typed) => {
                self.regular(typed, flags)?
            }
            other => other?,
        };
        let mut size = 0;
        for piece in content {
            file.write_all(piece)
                .map_err(|error| failed("write", typed, &error))?;
            size += piece.len() as u64;
            if unwanted() {
                return Err(FileFailure::Unwanted);
            }
        }
        if how.fsync {
            file.sync_all()
                .map_err(|error| failed("sync", typed, &error))?;
        }
        Ok(size)
    }

    /// Returns what the system knows of whatever is at a path, as JSON, and its size.
    pub(crate) fn stat(&self, typed: &str) -> Result<Content, TransportError> {
        let looked = self
            .open_path(typed, look_only())
            .and_then(|file| file.metadata());
        let known = looked.map_err(|error| failed("look at", typed, &error))?;
        let kind = match known.file_type() {
            kind if kind.is_file() => "file",
            kind if kind.is_dir() => "folder",
            _ => "other",
        };
        let modified = known.modified().ok();
        let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| since.as_millis());
        let size = known.len();
        let text = format!("{{\"size\":{size},\"type\":\"{kind}\",\"modified_ms\":{modified}}}");
        Ok(Content {
            size,
            bytes: text.into_bytes(),
        })
    }

    /// Opens a file, and makes sure that it is one: a pipe might never end.
    fn regular(&self, typed: &str, flags: OFlags) -> Result<File, FileFailure> {
        // Opening a pipe would wait for its other end.
        let file = self
            .open_path(typed, flags | OFlags::NONBLOCK)
            .map_err(|error| failed("open", typed, &error))?;
        let known = file
            .metadata()
            .map_err(|error| failed("open", typed, &error))?;
        if !known.is_file() {
            let message = format!("can't open `{typed}`: it is not a regular file");
            return Err(refused(FailureKind::File, message).into());
        }
        Ok(file)
    }

    fn open_path(&self, typed: &str, flags: OFlags) -> io::Result<File> {
        file::stays_inside(typed).map_err(io::Error::other)?;
        if typed.is_empty() {
            return Err(io::Error::other("the path is empty"));
        }
        #[cfg(target_os = "linux")]
        if let Some(opened) = self.open_beneath(typed, flags) {
            return opened;
        }
        self.open_checked(typed, flags)
    }

    /// Opens a path that the kernel keeps inside; returns `None` if the kernel does not offer that.
    #[cfg(target_os = "linux")]
    fn open_beneath(&self, typed: &str, flags: OFlags) -> Option<io::Result<File>> {
        use rustix::fs::{ResolveFlags, openat2};
        use rustix::io::Errno;
        let flags = flags | OFlags::CLOEXEC;
        let mode = if flags.contains(OFlags::CREATE) {
            NEW_FILE
        } else {
            Mode::empty()
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        // It fails with EAGAIN if something is renamed meanwhile.
        for _ in 0..100 {
            return Some(match openat2(&self.folder, typed, flags, mode, resolve) {
                Ok(file) => Ok(file.into()),
                Err(Errno::AGAIN | Errno::INTR) => continue,
                Err(Errno::NOSYS | Errno::PERM) => return None,
                Err(Errno::XDEV) => Err(io::Error::other(OUTSIDE)),
                Err(error) => Err(error.into()),
            });
        }
        None
    }

    /// Opens a path that was looked up before, so that it is inside.
    fn open_checked(&self, typed: &str, flags: OFlags) -> io::Result<File> {
        let path = match file::real_path(&self.path, typed) {
            Ok(path) => path,
            Err(file::FileError::Missing(_)) if flags.contains(OFlags::CREATE) => {
                let (parent, name) = parts(typed);
                let parent = if parent.is_empty() { "." } else { parent };
                file::real_path(&self.path, parent)
                    .map_err(io_error)?
                    .join(name)
            }
            Err(error) => return Err(io_error(error)),
        };
        // What is there now was looked up, and what is put there meanwhile is not followed.
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(rustix::fs::open(path, flags, NEW_FILE)?.into())
    }

    /// Creates the missing folders of a file; returns whether it has a folder to be created in.
    ///
    /// Others may create them at the same time, so a folder that is there by now is as good as one
    /// that was made here.
    fn make_folders(&self, typed: &str) -> bool {
        let (parent, _) = parts(typed);
        if parent.is_empty() || typed.split('/').any(|part| part == "..") {
            return false;
        }
        if self.is_folder(parent) {
            return true;
        }
        self.make_folders(parent);
        let (above, name) = parts(parent);
        let above = if above.is_empty() { "." } else { above };
        // If this fails, the folder may be there all the same: the last line looks.
        let _ = self
            .open_path(above, OFlags::RDONLY | OFlags::DIRECTORY)
            .and_then(|above| {
                Ok(rustix::fs::mkdirat(
                    above,
                    name,
                    Mode::from_raw_mode(0o777),
                )?)
            });
        self.is_folder(parent)
    }

    fn is_folder(&self, typed: &str) -> bool {
        let opened = self.open_path(typed, OFlags::RDONLY | OFlags::DIRECTORY);
        opened.is_ok()
    }
}

const OUTSIDE: &str = "it leads out of its folder";

fn io_error(error: file::FileError) -> io::Error {
    match error {
        file::FileError::Missing(_) => io::ErrorKind::NotFound.into(),
        file::FileError::Outside(_) => io::Error::other(OUTSIDE),
        file::FileError::Io { source, .. } => source,
        other => io::Error::other(other),
    }
}

/// Returns the flags for a file of which only the metadata is needed.
fn look_only() -> OFlags {
    #[cfg(target_os = "linux")]
    return OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    return OFlags::RDONLY | OFlags::NONBLOCK;
}

/// Returns the folder and the name of a path.
fn parts(path: &str) -> (&str, &str) {
    path.trim_end_matches('/')
        .rsplit_once('/')
        .unwrap_or(("", path))
}

/// What is to be written, in pieces.
#[derive(Clone, Debug)]
pub(crate) enum Pieces<'c> {
    /// A block over and over.
    Repeated {
        /// The number of bytes that are left.
        left: u64,
        /// The block; not empty.
        block: &'c [u8],
    },
    /// A text, in one piece.
    Text(Option<&'c [u8]>),
}

impl<'c> Iterator for Pieces<'c> {
    type Item = &'c [u8];

    fn next(&mut self) -> Option<&'c [u8]> {
        match self {
            Self::Text(text) => text.take(),
            Self::Repeated { left: 0, .. } => None,
            Self::Repeated { left, block } => {
                let n = usize::try_from(*left).map_or(block.len(), |left| left.min(block.len()));
                *left -= n as u64;
                Some(&block[..n])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;

    const REPLACE: Writing = Writing {
        append: false,
        fsync: true,
    };

    /// A folder with a file beside it, and its root.
    fn inside() -> (tempfile::TempDir, Root) {
        let top = tempfile::tempdir().expect("a folder");
        fs::create_dir(top.path().join("in")).expect("made");
        fs::write(top.path().join("secret"), "x").expect("written");
        let root = Root::open(&top.path().join("in")).expect("a folder");
        (top, root)
    }

    fn wanted() -> bool {
        false
    }

    fn message<T: std::fmt::Debug>(result: Result<T, FileFailure>) -> String {
        match result.expect_err("it fails") {
            FileFailure::Failed(error) => {
                assert_eq!(error.kind, FailureKind::File);
                error.message
            }
            FileFailure::Unwanted => panic!("it is wanted"),
        }
    }

    #[test]
    fn files_come_back_as_they_were_written() {
        let (top, root) = inside();
        let block = [7, 8, 9];
        let bytes = Pieces::Repeated {
            left: 7,
            block: &block,
        };
        let written = root.write("a/b/c.bin", bytes, REPLACE, &wanted);
        assert_eq!(written.expect("written"), 7);
        let read = root.read("a/b/c.bin", true, &wanted).expect("read");
        assert_eq!((read.size, &*read.bytes), (7, &[7, 8, 9, 7, 8, 9, 7][..]));
        let again = Pieces::Text(Some(b"no"));
        root.write("a/b/c.bin", again.clone(), REPLACE, &wanted)
            .expect("written");
        let how = Writing {
            append: true,
            ..REPLACE
        };
        root.write("a/b/c.bin", again, how, &wanted)
            .expect("written");
        let path = top.path().join("in/a/b/c.bin");
        assert_eq!(
            fs::read(path).expect("there"),
            b"nono",
            "replaced, then added to"
        );
        let counted = root.read("a/b/c.bin", false, &wanted).expect("read");
        assert_eq!((counted.size, counted.bytes.len()), (4, 0));
        let known = root.stat("a/b/c.bin").expect("there");
        let text = String::from_utf8(known.bytes).expect("text");
        assert!(text.starts_with("{\"size\":4,\"type\":\"file\""), "{text}");
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let (top, root) = inside();
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(to, top.path().join("in").join(name)).expect("linked");
        };
        link("../secret", "link");
        link("..", "up");
        link(
            top.path().join("secret").to_str().expect("text"),
            "absolute",
        );
        link("../new", "dangling");
        let text = || Pieces::Text(Some(b"y"));
        for path in [
            "../secret",
            "/etc/hostname",
            "x/../../secret",
            "link",
            "up/secret",
            "absolute",
            "dangling",
            "up/x/y",
            "",
            "..",
            "a\0b",
        ] {
            message(root.read(path, true, &wanted));
            message(root.write(path, text(), REPLACE, &wanted));
            assert!(root.stat(path).is_err() || path.is_empty(), "{path}");
            if path != "a\0b" {
                // The way of systems whose kernel does not keep it inside.
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
                assert!(
                    root.open_checked(path, flags).is_err() || path.is_empty(),
                    "{path}"
                );
            }
        }
        let content = |name: &str| fs::read_to_string(top.path().join(name));
        assert_eq!(content("secret").expect("there"), "x");
        assert!(content("new").is_err() && content("x/y").is_err());
        link("real", "good");
        root.write("real", text(), REPLACE, &wanted)
            .expect("inside");
        assert_eq!(
            root.read("good", true, &wanted).expect("inside").bytes,
            b"y"
        );
        let checked = root.open_checked("good", OFlags::RDONLY).expect("inside");
        assert_eq!(checked.metadata().expect("known").len(), 1);
    }

    #[test]
    fn files_that_are_first_in_a_folder_at_the_same_time_are_all_written() {
        const WRITERS: usize = 4;
        let (_top, root) = inside();
        let together = std::sync::Barrier::new(WRITERS);
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (root, together) = (&root, &together);
                scope.spawn(move || {
                    for round in 0..100 {
                        let path = format!("round-{round}/data/{writer}");
                        let text = Pieces::Text(Some(b"x"));
                        let how = Writing {
                            append: false,
                            fsync: false,
                        };
                        together.wait();
                        // A panic here would leave the others waiting; what is missing shows below.
                        let _ = root.write(&path, text, how, &wanted);
                    }
                });
            }
        });
        for round in 0..100 {
            for writer in 0..WRITERS {
                let known = root.stat(&format!("round-{round}/data/{writer}"));
                assert_eq!(known.expect("it was written").size, 1);
            }
        }
    }

    #[test]
    fn what_is_not_a_file_fails_at_once() {
        let (top, root) = inside();
        let pipe = top.path().join("in/pipe");
        let status = std::process::Command::new("mkfifo").arg(pipe).status();
        assert!(status.expect("mkfifo").success());
        fs::create_dir(top.path().join("in/folder")).expect("made");
        for path in ["pipe", "folder"] {
            let said = message(root.read(path, true, &wanted));
            assert!(said.contains("not a regular file"), "{said}");
            message(root.write(path, Pieces::Text(None), REPLACE, &wanted));
        }
        let said = message(root.read("missing", true, &wanted));
        assert!(
            said.starts_with("can't open `missing`: No such file"),
            "{said}"
        );
    }

    #[test]
    fn nothing_more_is_done_for_a_file_that_is_not_wanted() {
        let (_top, root) = inside();
        let endless = Pieces::Repeated {
            left: u64::MAX,
            block: &[0; CHUNK],
        };
        let asked = std::cell::Cell::new(0);
        let unwanted = || asked.replace(asked.get() + 1) == 2;
        let written = root.write("a", endless, REPLACE, &unwanted);
        assert!(matches!(written, Err(FileFailure::Unwanted)));
        let known = root.stat("a").expect("there");
        assert_eq!(known.size, 3 * CHUNK as u64);
        let read = root.read("a", false, &|| true);
        assert!(matches!(read, Err(FileFailure::Unwanted)));
    }
}
