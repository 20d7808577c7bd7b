//! How much memory a model file can make the loader take: what `net::format` and `docs/model-format.md` promise.

use net::digest::Digest;
use net::{Network, format};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The most bytes that were in use at once while `work` ran, and those in use after it, both besides those before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize, usize) {
    let _profiler = dhat::Profiler::builder().testing().build();
    let result = work();
    let stats = dhat::HeapStats::get();
    (result, stats.max_bytes, stats.curr_bytes)
}

/// The file with `to` for `from`, and lengths and digest that agree.
fn forged(good: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = good.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
    let mut bytes = [&good[..at], to.as_bytes(), &good[at + from.len()..]].concat();
    let header = u64::from_le_bytes(*good.first_chunk().unwrap()) + to.len() as u64 - from.len() as u64;
    bytes[..8].copy_from_slice(&header.to_le_bytes());
    let before = br#"\"digest\":\""#;
    let start = bytes.windows(before.len()).position(|window| window == before).unwrap() + before.len();
    bytes[start..start + 64].fill(b'0');
    let digest = Digest::of([&bytes[..]]).to_string();
    bytes[start..start + 64].copy_from_slice(digest.as_bytes());
    bytes
}

/// One test, since the allocations of all threads are counted.
#[test]
fn the_loader_takes_no_more_than_the_file() {
    const SLACK: usize = 256 << 10;
    for networks in [vec![(784, vec![256, 128])], vec![(30, vec![16]); 50], vec![(1, vec![1; 200])]] {
        let networks: Vec<Network> =
            networks.iter().map(|(inputs, hidden)| Network::builder(*inputs).hidden(hidden).build().unwrap()).collect();
        let bytes = format::ensemble_to_bytes(&networks, &());
        let (loaded, most, kept) = peak(|| format::ensemble_from_bytes::<()>(&bytes).unwrap());
        assert_eq!(loaded.0.len(), networks.len());
        assert!(most <= kept + bytes.len() + SLACK, "{most} bytes for a file of {} and {kept} kept", bytes.len());
    }

    let good = format::to_bytes(&Network::builder(5).hidden(&[40]).build().unwrap(), &"metadata");
    let (metadata, widths) = (r#""\"metadata\"""#, "[5,40,1]");
    for (from, to) in [
        (widths, "[4000000000,4000000000,1]".to_owned()),
        (widths, "[5,100000000,1]".to_owned()),
        (widths, format!("[5{},1]", ",1".repeat(8_000))),
        (widths, format!("[5{},1]", ",1".repeat(5_000_000))),
        (r#"\"widths"#, r#"\"networks\":18446744073709551615,\"widths"#.to_owned()),
        (metadata, format!(r#""{}""#, "[".repeat(10_000_000))),
        (metadata, format!(r#""[{}]""#, "0,".repeat(5_000_000))),
        ("layer1.weight", "n".repeat(10_000_000)),
        (r#","layer1.bias":{"#, r#","a":{}"#.repeat(1_000_000)),
    ] {
        let bytes = forged(&good, from, &to);
        let (result, most, _) = peak(|| format::ensemble_from_bytes::<String>(&bytes).map(|(_, metadata)| metadata));
        let reason = result.expect_err("forged").to_string();
        assert!(most <= bytes.len() + SLACK, "{most} bytes for a file of {}: {reason}", bytes.len());
    }
}
