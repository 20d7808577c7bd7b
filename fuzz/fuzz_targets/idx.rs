#![no_main]

/// The numbers in a row, as the dimensions behind the first one say.
fn columns(bytes: &[u8]) -> usize {
    let (dimensions, _) = bytes.get(8..).unwrap_or_default().as_chunks();
    let rank = usize::from(bytes.get(3).copied().unwrap_or(0));
    let sizes = dimensions.iter().take(rank.saturating_sub(1)).map(|bytes| u32::from_be_bytes(*bytes) as usize);
    sizes.fold(1, usize::saturating_mul)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if columns(bytes) <= fuzz::MOST_COLUMNS {
        let _ = fuzz::table(bytes, data::Format::Idx);
    }
});
