//! What the files of this library have in common: safetensors with a description as JSON and a digest of everything.
//!
//! A file begins as every safetensors file: the length of the header as eight bytes, and the header, which is JSON. Its
//! metadata comes first, and has two entries, each of them JSON written as text:
//!
//! ```text
//! {"__metadata__":{"backprop":"{\"format\":\"model\",\"version\":2,\"digest\":\"5f...\",...}","metadata":"{...}"},
//! "layer1.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},...}
//! ```
//!
//! The digest is the SHA-256 of the whole file in which its own 64 digits are zeros. What follows it is the format's
//! description of the tensors, and the second entry is what the caller adds. The numbers of the tensors, all of them
//! finite f32, lie one after the other in the order of the header.
//!
//! A file is read only if it has, to the byte, the form that [`Writer`] gives it. So a [`Reader`] needs no general parser of
//! headers, which a hostile one could make allocate many times its size: it compares the text with what it must be.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// A kind of file, and the version of it that this library writes and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// One word, such as `model`.
    pub name: &'static str,
    /// The version.
    pub version: u32,
}

impl Format {
    /// How the header begins, up to the digest.
    fn opening(self) -> String {
        let Format { name, version } = self;
        format!(r#"{{"__metadata__":{{"backprop":"{{\"format\":\"{name}\",\"version\":{version},\"digest\":\""#)
    }
}

/// Why bytes are not a file of the format that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The header is missing or cut off.
    #[error("it is no safetensors file, or cut off")]
    NotSafetensors,

    /// A safetensors file of another program.
    #[error("it is a safetensors file, but not one that backprop wrote")]
    Foreign,

    /// Another kind of file of this library.
    #[error("it is a {}, not a {wanted}", one_line(found))]
    OtherFormat {
        /// What it says that it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },

    /// Another version of the format.
    #[error("it has version {found} of the format, but this program reads version {known}")]
    Version {
        /// The file's version.
        found: u64,
        /// The version that this library reads.
        known: u32,
    },

    /// Something changed since the file was written.
    #[error("it is damaged: its contents do not agree with the digest in it")]
    Damaged,

    /// A description that is not what the format wants.
    #[error("its description cannot be understood: {}", one_line(.0))]
    Description(String),

    /// Metadata that are not what the caller wants.
    #[error("its metadata cannot be understood: {}", one_line(.0))]
    Metadata(String),

    /// A tensor that is missing, out of order, or of another shape than the description wants.
    #[error("it has no tensor {name} of shape {shape:?} in its place")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// The shape that it should have.
        shape: Vec<usize>,
    },

    /// A tensor that is larger than the file.
    #[error("its tensor {name} would take {wanted} bytes, but the file has only {found} for it")]
    TooLarge {
        /// The tensor's name.
        name: String,
        /// The bytes that it would take.
        wanted: String,
        /// The bytes that the file has.
        found: usize,
    },

    /// A number that is infinite or NaN.
    #[error("its tensor {name} has a number that is not finite")]
    NotFinite {
        /// The tensor's name.
        name: String,
    },

    /// Several networks where one is wanted.
    #[error("it holds an ensemble of {networks} networks, not one")]
    Ensemble {
        /// How many.
        networks: usize,
    },

    /// Tensors or bytes that the description does not mention.
    #[error("it has more in it than its description says")]
    TooMuch,
}

/// A reason that may quote the file, with line ends and worse in it, as one line.
fn one_line(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// The most bytes of a description, in its place in the header.
pub const MOST_DESCRIPTION: usize = 16 << 10;

/// Why writing to a string does not fail.
const TAKES_ANY: &str = "a string takes any text";

/// Puts a file together.
#[derive(Debug)]
pub struct Writer {
    /// The header so far, with zeros in the place of the digest.
    header: String,
    /// Where the digest goes.
    digest: usize,
    data: Vec<u8>,
}

impl Writer {
    /// Begins with the description of the tensors, which has no fields `format`, `version` and `digest` of its own, and the
    /// caller's metadata.
    ///
    /// # Panics
    /// If one of them cannot become JSON, or the description does not become an object with at least one entry, in less
    /// than [`MOST_DESCRIPTION`] bytes.
    pub fn new(format: Format, description: &impl Serialize, metadata: &impl Serialize) -> Writer {
        let [description, metadata] = [serde_json::to_string(description), serde_json::to_string(metadata)]
            .map(|json| json.expect("descriptions become JSON").replace('\\', r"\\").replace('"', r#"\""#));
        assert!(description.len() < MOST_DESCRIPTION, "the description is short");
        let fields = description.strip_prefix('{').filter(|fields| *fields != "}").expect("an object with fields");
        let mut header = format.opening();
        let digest = header.len();
        let zeros = "0".repeat(Digest::DIGITS);
        write!(header, r#"{zeros}\",{fields}","metadata":"{metadata}"}}"#).expect(TAKES_ANY);
        Writer { header, digest, data: Vec::new() }
    }

    /// Adds a tensor.
    ///
    /// # Panics
    /// If there are more or fewer numbers than the shape has.
    pub fn tensor(&mut self, name: &str, shape: &[usize], numbers: impl IntoIterator<Item = f32>) {
        let start = self.data.len();
        self.data.extend(numbers.into_iter().flat_map(f32::to_le_bytes));
        let count: usize = shape.iter().product();
        assert_eq!(self.data.len() - start, size_of::<f32>() * count, "the numbers of {name}");
        self.header.push_str(&entry(name, shape, start, self.data.len()));
    }

    /// The bytes of the file. The same contents give the same bytes.
    pub fn finish(self) -> Vec<u8> {
        let Writer { mut header, digest, data } = self;
        header.push('}');
        // Blanks, so that the numbers start at a multiple of eight bytes.
        let length = header.len().next_multiple_of(8);
        let mut bytes = Vec::with_capacity(8 + length + data.len());
        bytes.extend((length as u64).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.resize(8 + length, b' ');
        bytes.extend(data);
        let digits = Digest::of([&bytes[..]]).to_string();
        bytes[8 + digest..][..Digest::DIGITS].copy_from_slice(digits.as_bytes());
        bytes
    }
}

/// A tensor's entry in the header, with the comma before it.
fn entry(name: &str, shape: &[usize], start: usize, end: usize) -> String {
    let mut text = format!(r#","{name}":{{"dtype":"F32","shape":["#);
    for (dimension, size) in shape.iter().enumerate() {
        let comma = if dimension > 0 { "," } else { "" };
        write!(text, "{comma}{size}").expect(TAKES_ANY);
    }
    write!(text, r#"],"data_offsets":[{start},{end}]}}"#).expect(TAKES_ANY);
    text
}

/// Takes a file apart: first its description, then its tensors in their order, then [`Reader::finish`].
///
/// It allocates the texts of the description and the metadata, and less than a kilobyte besides.
#[derive(Debug)]
pub struct Reader<'a> {
    description: String,
    metadata: &'a str,
    /// What is left of the header, and the length of all of it.
    header: &'a str,
    length: usize,
    /// The bytes of all tensors, and where the next one starts.
    data: &'a [u8],
    start: usize,
}

impl<'a> Reader<'a> {
    /// Checks the digest and finds the description.
    ///
    /// # Errors
    /// If the bytes are no file of this format and version, were changed since they were written, or have a description
    /// that is not in the form that [`Writer`] gives it.
    pub fn open(format: Format, bytes: &'a [u8]) -> Result<Reader<'a>, Unreadable> {
        let (length, rest) = bytes.split_first_chunk().ok_or(Unreadable::NotSafetensors)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| Unreadable::NotSafetensors)?;
        let (header, data) = rest.split_at_checked(length).ok_or(Unreadable::NotSafetensors)?;
        let header = std::str::from_utf8(header).map_err(|_| Unreadable::NotSafetensors)?;

        let opening = format.opening();
        let after = header.strip_prefix(&opening[..]).ok_or_else(|| what_else(format, header))?;
        let (digits, after) = after.split_at_checked(Digest::DIGITS).ok_or(Unreadable::Damaged)?;
        let start = 8 + opening.len();
        let zeros = [b'0'; Digest::DIGITS];
        let digest = Digest::of([&bytes[..start], &zeros, &bytes[start + Digest::DIGITS..]]);
        if digest.to_string() != digits {
            return Err(Unreadable::Damaged);
        }

        let form = || Unreadable::Description("it is not in the form that this program writes".to_owned());
        let fields = after.strip_prefix(r#"\","#).ok_or_else(form)?;
        let (fields, after) = literal(fields).filter(|(fields, _)| fields.len() < MOST_DESCRIPTION).ok_or_else(form)?;
        let description = unescape("{", fields).ok_or_else(form)?;
        let metadata = after.strip_prefix(r#","metadata":""#).and_then(literal);
        let (metadata, header) = metadata.ok_or_else(form)?;
        let header = header.strip_prefix('}').ok_or_else(form)?;
        Ok(Reader { description, metadata, header, length, data, start: 0 })
    }

    /// The description, out of its JSON.
    ///
    /// # Errors
    /// If it is not such as the type wants.
    pub fn description<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        serde_json::from_str(&self.description).map_err(|error| Unreadable::Description(error.to_string()))
    }

    /// The caller's metadata, out of its JSON.
    ///
    /// # Errors
    /// If it is not such as the type wants.
    pub fn metadata<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        let unreadable = |reason: String| Unreadable::Metadata(reason);
        let json = unescape("", self.metadata).ok_or_else(|| unreadable("it has odd escapes".to_owned()))?;
        serde_json::from_str(&json).map_err(|error| unreadable(error.to_string()))
    }

    /// The numbers of the next tensor, which must have this name and shape and hold finite numbers only. Nothing is copied.
    ///
    /// # Errors
    /// If it is another one, or the file too short for it.
    pub fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Numbers<'a>, Unreadable> {
        let count = shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size));
        let wanted = count.and_then(|count| count.checked_mul(size_of::<f32>()));
        let found = self.data.len() - self.start;
        let too_large = |wanted| Unreadable::TooLarge { name: name.to_owned(), wanted, found };
        let wanted = wanted.ok_or_else(|| too_large("more than 2^64".to_owned()))?;
        if wanted > found {
            return Err(too_large(wanted.to_string()));
        }
        let end = self.start + wanted;
        let missing = || Unreadable::Tensor { name: name.to_owned(), shape: shape.to_vec() };
        self.header = self.header.strip_prefix(&entry(name, shape, self.start, end)[..]).ok_or_else(missing)?;
        let (numbers, _) = self.data[self.start..end].as_chunks();
        self.start = end;
        let numbers = Numbers(numbers.iter());
        match numbers.clone().all(f32::is_finite) {
            true => Ok(numbers),
            false => Err(Unreadable::NotFinite { name: name.to_owned() }),
        }
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// If there are more tensors or bytes, or not as many blanks as [`Writer`] makes.
    pub fn finish(self) -> Result<(), Unreadable> {
        let blanks = self.header.strip_prefix('}').ok_or(Unreadable::TooMuch)?;
        let all = blanks.len() < 8 && blanks.bytes().all(|byte| byte == b' ') && self.start == self.data.len();
        match (all, self.length.is_multiple_of(8)) {
            (true, true) => Ok(()),
            (true, false) => Err(Unreadable::Description("blanks are missing behind the header".to_owned())),
            (false, _) => Err(Unreadable::TooMuch),
        }
    }
}

/// The numbers of a tensor, row-major.
#[derive(Clone, Debug)]
pub struct Numbers<'a>(std::slice::Iter<'a, [u8; 4]>);

impl Iterator for Numbers<'_> {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        self.0.next().map(|bytes| f32::from_le_bytes(*bytes))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Numbers<'_> {}

/// What a header is that does not begin as one of this format and version.
fn what_else(format: Format, header: &str) -> Unreadable {
    #[derive(Deserialize)]
    struct Beginning<'a> {
        /// The first version had no name.
        format: Option<&'a str>,
        version: u64,
    }
    let Some(text) = header.strip_prefix(r#"{"__metadata__":{"backprop":""#) else {
        return if header.starts_with('{') { Unreadable::Foreign } else { Unreadable::NotSafetensors };
    };
    let description = literal(text).and_then(|(description, _)| unescape("", description));
    match description.as_deref().map(serde_json::from_str) {
        Some(Ok(Beginning { format: Some(found), .. })) if found != format.name => {
            Unreadable::OtherFormat { found: found.to_owned(), wanted: format.name }
        }
        Some(Ok(Beginning { version, .. })) if version != u64::from(format.version) => {
            Unreadable::Version { found: version, known: format.version }
        }
        _ => Unreadable::Description("its beginning is not in the form that this program writes".to_owned()),
    }
}

/// Splits the text behind a quotation mark at the mark that closes it: the inside, and what follows.
fn literal(text: &str) -> Option<(&str, &str)> {
    let (bytes, mut end) = (text.as_bytes(), 0);
    while *bytes.get(end)? != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    Some((text.get(..end)?, &text[end + 1..]))
}

/// The inside of a literal as it was before quotation marks and backslashes were escaped, behind a prefix; no other
/// character of a JSON text needs to be.
fn unescape(prefix: &str, literal: &str) -> Option<String> {
    let mut text = String::with_capacity(prefix.len() + literal.len());
    text.push_str(prefix);
    let mut rest = literal;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        text.push(escaped.chars().next().filter(|character| ['"', '\\'].contains(character))?);
        rest = &escaped[1..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { name: "test", version: 7 };

    fn file() -> Vec<u8> {
        let mut writer = Writer::new(FORMAT, &serde_json::json!({"list": [1, 2]}), &"\"\\ü\n");
        writer.tensor("a", &[2, 3], (0..6).map(|number| number as f32));
        writer.tensor("b", &[], [0.5]);
        writer.tensor("c", &[0], []);
        writer.finish()
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct List {
        list: Vec<u32>,
    }

    fn read(format: Format, bytes: &[u8]) -> Result<(List, String, [Vec<f32>; 2]), Unreadable> {
        let mut reader = Reader::open(format, bytes)?;
        let (a, b) = (reader.tensor("a", &[2, 3])?, reader.tensor("b", &[])?);
        assert_eq!(reader.tensor("c", &[0])?.len(), 0);
        let (description, metadata) = (reader.description()?, reader.metadata()?);
        reader.finish()?;
        Ok((description, metadata, [a.collect(), b.collect()]))
    }

    /// The file with a digest that agrees with its contents, as only an enemy would make it.
    fn signed(mut bytes: Vec<u8>) -> Vec<u8> {
        let start = 8 + FORMAT.opening().len();
        bytes[start..][..Digest::DIGITS].fill(b'0');
        let digits = Digest::of([&bytes[..]]).to_string();
        bytes[start..][..Digest::DIGITS].copy_from_slice(digits.as_bytes());
        bytes
    }

    fn edited(from: &str, to: &str) -> Vec<u8> {
        let mut bytes = file();
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
        bytes.splice(at..at + from.len(), to.bytes());
        let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize + to.len() - from.len();
        bytes[..8].copy_from_slice(&(length as u64).to_le_bytes());
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let (description, metadata, numbers) = read(FORMAT, &file()).unwrap();
        assert_eq!((description, &metadata[..]), (List { list: vec![1, 2] }, "\"\\ü\n"));
        assert_eq!(numbers, [vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], vec![0.5]]);
    }

    /// Any other reader of safetensors can read it as well.
    #[test]
    fn it_is_safetensors() {
        let bytes = file();
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().as_ref().unwrap();
        assert!(metadata["backprop"].starts_with(r#"{"format":"test","version":7,"digest":""#));
        let description: serde_json::Value = serde_json::from_str(&metadata["backprop"]).unwrap();
        assert_eq!(description["list"], serde_json::json!([1, 2]));
        assert_eq!(metadata["metadata"], r#""\"\\ü\n""#);
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(tensors.tensor("a").unwrap().shape(), [2, 3]);
        assert_eq!(tensors.tensor("b").unwrap().data(), 0.5f32.to_le_bytes());
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let mut bytes = file();
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read(FORMAT, &bytes).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(read(FORMAT, &bytes).is_ok());
    }

    #[test]
    fn every_fault_has_its_reason() {
        let text = r#"{"__metadata__":{"backprop":"{\"version\":1}"}}"#;
        let first_version = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let foreign = safetensors::serialize::<&str, safetensors::tensor::TensorView<'_>, _>([], None).unwrap();
        let mut longer = file();
        longer.push(0);
        let mut not_finite = file();
        let end = not_finite.len();
        not_finite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        let long = "[".repeat(MOST_DESCRIPTION);
        for (bytes, expected) in [
            (Vec::new(), "no safetensors file"),
            (vec![255; 100], "no safetensors file"),
            (foreign, "not one that backprop wrote"),
            (first_version, "version 1 of the format, but this program reads version 7"),
            (edited(r#"\"version\":7"#, r#"\"version\":70"#), "version 70"),
            (edited(r#"\"test\""#, r#"\"model\""#), "it is a model, not a test"),
            (edited(r#"\"version\":7"#, r#"\"version\": 7"#), "its beginning is not"),
            (edited(r#"{"__meta"#, r#"{ "__meta"#), "not one that backprop wrote"),
            (edited("[2,3]", "[3,2]"), "damaged"),
            (signed(edited("[2,3]", "[3,2]")), "no tensor a of shape [2, 3]"),
            (signed(edited("[0,24]", "[0,23]")), "no tensor a of shape [2, 3]"),
            (signed(edited("\"b\"", "\"d\"")), "no tensor b of shape []"),
            (signed(edited("[1,", r"[\t1,")), "description cannot be understood: it is not in the form"),
            (signed(edited("[1,", &long)), "description cannot be understood: it is not in the form"),
            (signed(edited("[1,2]", "{}")), "description cannot be understood: invalid type: map"),
            (signed(edited("list", "last")), "description cannot be understood: unknown field `last`"),
            (signed(edited("list", r"li\\nst")), r"unknown field `li\nst`"),
            (signed(edited("ü", r"\t")), "metadata cannot be understood: it has odd escapes"),
            (signed(edited("\"}", "\",\"x\":\"y\"}")), "not in the form"),
            (signed(file()[..file().len() - 1].to_vec()), "tensor b would take 4 bytes, but the file has only 3"),
            (signed(longer), "more in it than"),
            (signed(edited("[28,28]}}", r#"[28,28]},"d":{}}"#)), "more in it than"),
            (signed(not_finite), "tensor b has a number that is not finite"),
        ] {
            let reason = read(FORMAT, &bytes).expect_err(expected).to_string();
            assert!(reason.contains(expected), "'{reason}' does not say '{expected}'");
            assert!(!reason.contains('\n'), "one line: {reason}");
        }
        let bytes = file();
        let mut reader = Reader::open(FORMAT, &bytes).unwrap();
        let error = reader.tensor("a", &[usize::MAX, 2]).unwrap_err().to_string();
        assert!(error.contains("would take more than 2^64 bytes"), "{error}");
    }
}
