#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = fuzz::with_right_digest(bytes);
    if let Ok(checkpoint) = net::Checkpoint::from_bytes(&bytes) {
        // Only what the library writes is read.
        assert_eq!(checkpoint.to_bytes(), bytes);
    }
});
