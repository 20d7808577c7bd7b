#![no_main]

use net::format::{from_bytes, to_bytes};
use net::{Network, container::Unreadable};
use serde_json::Value;

fn read(bytes: &[u8]) -> Result<(Network, Value), Unreadable> {
    from_bytes(bytes)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = fuzz::with_right_digest(bytes);
    if let Ok((network, metadata)) = read(&bytes) {
        let written = to_bytes(&network, &metadata);
        fuzz::assert_same_numbers(&bytes, &written);
        let (network, metadata) = read(&written).expect("what was written is read");
        assert_eq!(to_bytes(&network, &metadata), written);
    }
});
