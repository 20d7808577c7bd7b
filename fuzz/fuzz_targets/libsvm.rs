#![no_main]

/// Whether an index in the text is larger than what a target looks at.
fn is_wide(bytes: &[u8]) -> bool {
    let numbers = bytes.split(|byte| !byte.is_ascii_digit()).filter_map(|digits| std::str::from_utf8(digits).ok());
    numbers.filter_map(|digits| digits.parse().ok()).any(|number: usize| number > fuzz::MOST_COLUMNS)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if !is_wide(bytes) {
        let _ = fuzz::table(bytes, data::Format::Libsvm);
    }
});
