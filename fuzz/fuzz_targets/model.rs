#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = fuzz::with_right_digest(bytes);
    if let Ok((network, metadata)) = net::format::from_bytes::<serde_json::Value>(&bytes) {
        // Only what the library writes is read.
        assert_eq!(net::format::to_bytes(&network, &metadata), bytes);
    }
});
