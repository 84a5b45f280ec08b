//! [`RowFile`]: the file of rows, compressed as its name says.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::write::GzEncoder;

use super::form::Compression;

/// The level of compression with zstd: the fastest that compresses well.
const ZSTD_LEVEL: i32 = 1;

/// A file that rows are appended to.
pub(super) struct RowFile {
    encoder: Encoder,
    /// The length of the rows that were written completely.
    whole: u64,
}

enum Encoder {
    Plain(File),
    Gzip(GzEncoder<File>),
    Zstd(zstd::Encoder<'static, File>),
}

impl RowFile {
    /// Creates the file, or empties the one that is there.
    ///
    /// # Errors
    /// If it cannot be opened for writing.
    pub(super) fn open(path: &Path, compression: Compression) -> io::Result<Self> {
        let file = File::create(path)?;
        let encoder = match compression {
            Compression::None => Encoder::Plain(file),
            Compression::Gzip => Encoder::Gzip(GzEncoder::new(file, flate2::Compression::fast())),
            Compression::Zstd => Encoder::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?),
        };
        Ok(Self { encoder, whole: 0 })
    }

    /// Appends whole rows.
    ///
    /// # Errors
    /// If the system does not take them; an uncompressed file then ends with the row before.
    pub(super) fn append(&mut self, rows: &[u8]) -> io::Result<()> {
        let written = match &mut self.encoder {
            Encoder::Plain(file) => file.write_all(rows).inspect_err(|_| {
                // Not even that may be possible, and the error itself says more.
                let _ = file.set_len(self.whole);
            }),
            Encoder::Gzip(encoder) => encoder.write_all(rows),
            Encoder::Zstd(encoder) => encoder.write_all(rows),
        };
        written.map(|()| self.whole += rows.len() as u64)
    }

    /// Writes what is still held back.
    ///
    /// # Errors
    /// If the system does not take it.
    pub(super) fn finish(self) -> io::Result<()> {
        let file = match self.encoder {
            Encoder::Plain(file) => file,
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
        };
        // Only files on a disk can be synchronized.
        if file.metadata()?.is_file() {
            file.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn every_compression_keeps_all_rows_in_one_stream() {
        let rows: Vec<String> = (0..20_000).map(|n| format!("{n},{}\n", n * 7)).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows");
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            fs::write(&path, "what was there").expect("a file");
            let mut file = RowFile::open(&path, compression).expect("it can be created");
            rows.chunks(1_000).for_each(|some| {
                file.append(some.concat().as_bytes())
                    .expect("there is room")
            });
            file.finish().expect("there is room");
            let raw = File::open(&path).expect("it is there");
            let mut text = String::new();
            // Readers that stop at the end of the first stream read everything, too.
            let read = match compression {
                Compression::None => (&raw).read_to_string(&mut text),
                Compression::Gzip => flate2::read::GzDecoder::new(raw).read_to_string(&mut text),
                Compression::Zstd => zstd::Decoder::new(raw)
                    .expect("a decoder")
                    .single_frame()
                    .read_to_string(&mut text),
            };
            assert_eq!(read.ok(), Some(text.len()));
            assert_eq!(text, rows.concat(), "{compression:?}");
        }
    }
}
