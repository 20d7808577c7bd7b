//! Where the bytes of a table come from, as often as they are needed.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use crate::{Error, Result};

/// How much is read at a time, and how much of the beginning is looked at to tell the format.
const CHUNK: usize = 1 << 16;

/// What every gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file or bytes in memory, compressed with gzip or not.
///
/// A table is read twice, first to find out the types of its columns.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Path(PathBuf),
    Memory(Arc<[u8]>),
}

impl Source {
    /// The file at `path`; errors call it by that name. A file that can be read only once, such as a pipe, needs
    /// [`Source::file`].
    pub fn path(path: &Path) -> Self {
        Self { name: path.display().to_string(), place: Place::Path(path.to_owned()) }
    }

    /// The file at `path`, or what a pipe or a device at `path` gives, which is kept in memory.
    ///
    /// # Errors
    /// If a pipe or a device cannot be read.
    pub fn file(path: &Path) -> Result<Self> {
        let source = Self::path(path);
        // What is not there, or cannot be looked at, is told when it is opened.
        if path.metadata().map_or(true, |metadata| metadata.is_file() || metadata.is_dir()) {
            return Ok(source);
        }
        match fs::read(path) {
            Ok(bytes) => Ok(Self::memory(&source.name, bytes)),
            Err(reason) => Err(Error::Unreadable { file: source.name, reason }),
        }
    }

    /// Bytes in memory, which errors call `name`.
    pub fn memory(name: &str, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.to_owned(), place: Place::Memory(bytes.into()) }
    }

    /// All of the standard input, which is kept in memory.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn standard_input() -> Result<Self> {
        let (name, mut bytes) = ("standard input", Vec::new());
        match io::stdin().lock().read_to_end(&mut bytes) {
            Ok(_) => Ok(Self::memory(name, bytes)),
            Err(reason) => Err(Error::Unreadable { file: name.to_owned(), reason }),
        }
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path, if it is a file.
    pub(crate) fn as_path(&self) -> Option<&Path> {
        match &self.place {
            Place::Path(path) => Some(path),
            Place::Memory(_) => None,
        }
    }

    /// The bytes in memory, if it is no file.
    #[cfg(feature = "arrow")]
    pub(crate) fn as_bytes(&self) -> Option<&Arc<[u8]>> {
        match &self.place {
            Place::Path(_) => None,
            Place::Memory(bytes) => Some(bytes),
        }
    }

    /// The bytes from the beginning, decompressed. Right after this call, `fill_buf` gives the first 64 KiB, or all if it
    /// is less.
    ///
    /// # Errors
    /// If the file cannot be opened or read.
    pub(crate) fn open(&self) -> Result<Box<dyn BufRead>> {
        self.decompressed().map_err(|reason| Error::Unreadable { file: self.name.clone(), reason })
    }

    fn decompressed(&self) -> io::Result<Box<dyn BufRead>> {
        let mut raw: Box<dyn BufRead> = match &self.place {
            Place::Path(path) => Box::new(BufReader::with_capacity(CHUNK, File::open(path)?)),
            Place::Memory(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
        };
        let compressed = raw.fill_buf()?.starts_with(&GZIP);
        let mut stream: Box<dyn BufRead> = match compressed {
            true => Box::new(BufReader::with_capacity(CHUNK, Gzip(MultiGzDecoder::new(raw)))),
            false => raw,
        };
        let mut beginning = Vec::new();
        (&mut stream).take(CHUNK as u64).read_to_end(&mut beginning)?;
        Ok(Box::new(Cursor::new(beginning).chain(stream)))
    }
}

/// What comes out of gzip, whose errors say so.
struct Gzip<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let told = |error: io::Error| io::Error::new(error.kind(), format!("its gzip is cut off or damaged ({error})"));
        self.0.read(buffer).map_err(told)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_recognised_by_its_bytes() {
        let text: Vec<u8> = (0..100_000).flat_map(|number: u32| number.to_le_bytes()).collect();
        let parts = [gzip(&text[..9999]), gzip(&text[9999..])].concat();
        for bytes in [text.clone(), gzip(&text), parts] {
            let source = Source::memory("t", bytes);
            for _ in 0..2 {
                let mut opened = source.open().unwrap();
                assert_eq!(opened.fill_buf().unwrap(), &text[..CHUNK]);
                let mut read = Vec::new();
                opened.read_to_end(&mut read).unwrap();
                assert!(read == text);
            }
        }
    }

    #[test]
    fn truncated_gzip_is_an_error() {
        let bytes = gzip(&[7; 1000]);
        let source = Source::memory("t.gz", &bytes[..bytes.len() - 9]);
        let error = source.open().err().unwrap().to_string();
        assert!(error.starts_with("cannot read `t.gz`: its gzip is cut off or damaged"), "{error}");
    }
}
