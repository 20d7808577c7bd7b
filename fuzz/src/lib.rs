//! What the fuzz targets have in common.

use data::{Column, Error, Format, Kind, Pipeline, ReadOptions, Scaling, Source, TableReader, Target};
use sha2::{Digest, Sha256};

/// The most columns that a target looks at: a few bytes can ask for a million, which takes its time and teaches nothing.
pub const MOST_COLUMNS: usize = 200;

/// Takes bytes all the way from a file to the inputs of a network: the last column is the target. Any error is right, a panic
/// or endless memory is not; what comes out must be finite and of the promised size.
///
/// # Errors
/// Whatever is wrong with the table.
pub fn table(bytes: &[u8], format: Format) -> Result<(), Error> {
    let source = Source::memory("table", bytes);
    let reader = TableReader::open(source, &ReadOptions { format: Some(format), ..Default::default() })?;
    let mut names = reader.header().columns().to_vec();
    let Some(target) = names.pop() else { return Ok(()) };
    let features = reader.header().features(std::slice::from_ref(&target))?;

    let mut columns = Vec::new();
    for inferred in reader.infer(&features)? {
        columns.push(Column::new(&inferred.name, inferred.kind));
    }
    columns.push(Column::target(&target, Kind::Category));
    let table = reader.read(columns)?;
    let rows: Vec<usize> = (0..table.rows()).collect();
    let target = Target::fit(&table, &target, None, &rows)?;
    let targets = target.values(&table)?;
    assert_eq!(targets.len(), rows.len() * target.outputs().min(1));
    let (pipeline, _) = Pipeline::fit(&table, &features, &rows, target, Scaling::Robust)?;
    let inputs = pipeline.apply(&table, &rows)?;
    assert_eq!(inputs.len(), rows.len() * pipeline.inputs());
    assert!(inputs.iter().all(|input| input.is_finite()));

    // What a model file would keep of it says the same.
    let again = Pipeline::from_json(&pipeline.to_json(), pipeline.inputs(), "table")?;
    assert_eq!(again.to_json(), pipeline.to_json());
    Ok(())
}

/// The bytes with the digest that they should have, so that changed ones get past it.
pub fn with_right_digest(bytes: &[u8]) -> Vec<u8> {
    const BEFORE: &[u8] = br#"\"digest\":\""#;
    const DIGITS: usize = 64;
    let mut bytes = bytes.to_vec();
    let place = bytes.windows(BEFORE.len()).position(|window| window == BEFORE).map(|place| place + BEFORE.len());
    if let Some(place) = place.filter(|place| place + DIGITS <= bytes.len()) {
        bytes[place..][..DIGITS].fill(b'0');
        let digits: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        bytes[place..][..DIGITS].copy_from_slice(digits.as_bytes());
    }
    bytes
}

/// Fails unless both files hold the same numbers, to the bit. Their descriptions may differ: JSON has several texts for a
/// number, of which the library writes one.
pub fn assert_same_numbers(read: &[u8], written: &[u8]) {
    let numbers = |bytes: &[u8]| {
        let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
        bytes[8 + header as usize..].to_vec()
    };
    assert_eq!(numbers(read), numbers(written));
}
