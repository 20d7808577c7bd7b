#![no_main]

use net::checkpoint::{Checkpoint, from_bytes, to_bytes};

fn write((trainings, text): &(Vec<Option<Checkpoint>>, String)) -> Vec<u8> {
    to_bytes(&trainings.iter().map(Option::as_ref).collect::<Vec<_>>(), text)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = fuzz::with_right_digest(bytes);
    if let Ok(read) = from_bytes(&bytes) {
        let written = write(&read);
        fuzz::assert_same_numbers(&bytes, &written);
        assert_eq!(write(&from_bytes(&written).expect("what was written is read")), written);
    }
});
