//! [`Hashed`]: a file that is hashed while it is read.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// A file that is hashed while it is read.
pub(super) struct Hashed {
    /// The file.
    pub file: File,
    hash: Sha256,
}

impl Hashed {
    /// Creates it from a file of which nothing has been read.
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            hash: Sha256::new(),
        }
    }

    /// Returns the file and the digest of what was read of it.
    pub(super) fn finish(self) -> (File, String) {
        (self.file, digest(self.hash.finalize().as_ref()))
    }
}

impl Read for Hashed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.hash.update(&into[..count]);
        Ok(count)
    }
}

/// Returns the first 16 hexadecimal digits of a hash.
pub(super) fn digest(hash: &[u8]) -> String {
    let mut digest = String::new();
    for byte in hash.iter().take(8) {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}
