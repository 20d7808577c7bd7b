//! The colours of the levels.

use kernels::Level;
use page::palette::{FAINT, GREY, Ink, SERIES};

/// In the order of their names.
const LEVELS: [Ink; 4] = [GREY, SERIES[1], SERIES[0], SERIES[2]];

/// The colour of a level.
pub fn ink(level: &str) -> Ink {
    let place = Level::NAMES.iter().position(|name| *name == level);
    place.and_then(|place| LEVELS.get(place)).copied().unwrap_or(FAINT)
}
