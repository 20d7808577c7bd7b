#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = fuzz::with_right_digest(bytes);
    if let Ok((trainings, metadata)) = net::checkpoint::from_bytes(&bytes) {
        // Only what the library writes is read.
        let trainings: Vec<_> = trainings.iter().map(Option::as_ref).collect();
        assert_eq!(net::checkpoint::to_bytes(&trainings, &metadata), bytes);
    }
});
