//! Points of curves to be drawn.

use serde::Serialize;

/// A point of a curve over all thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Rows of p(t = 1) at or above it are taken for class 1. Infinite in the first point, where no row is.
    pub threshold: f32,
    /// The false positive rate (ROC) or recall (precision-recall). Never decreases from point to point.
    pub x: f64,
    /// The true positive rate (ROC) or precision (precision-recall).
    pub y: f64,
}

/// The points that a drawing `columns` pixels wide needs: the first and last one of each column of pixels and the lowest and
/// highest one, in their order, at most four for each. Lines through them colour the same pixels as lines through all. (U.
/// Jugel and others: M4, a visualization-oriented time series data aggregation, 2014.)
///
/// # Panics
/// If `columns` is 0.
pub fn thinned(points: &[CurvePoint], columns: usize) -> Vec<CurvePoint> {
    assert!(columns > 0, "a drawing is at least one pixel wide");
    let column = |point: &CurvePoint| ((point.x * columns as f64) as usize).min(columns - 1);
    let mut kept = Vec::new();
    for chunk in points.chunk_by(|a, b| column(a) == column(b)) {
        let by_height = |a: &usize, b: &usize| chunk[*a].y.total_cmp(&chunk[*b].y);
        let lowest = (0..chunk.len()).min_by(by_height).expect("a chunk has points");
        let highest = (0..chunk.len()).max_by(by_height).expect("a chunk has points");
        let mut places = [0, lowest, highest, chunk.len() - 1];
        places.sort_unstable();
        for (at, place) in places.iter().enumerate() {
            if at == 0 || places[at - 1] != *place {
                kept.push(chunk[*place]);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let points: Vec<CurvePoint> = (0..=100_000)
            .map(|i| {
                let x = f64::from(i) / 100_000.0;
                CurvePoint { threshold: 1.0 - x as f32, x, y: f64::from(i * 7919 % 1009) / 1008.0 }
            })
            .collect();
        let kept = thinned(&points, 50);
        assert!(kept.len() <= 200);
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[100_000]));
        assert!(kept.is_sorted_by(|a, b| a.x < b.x));
        let column = |point: &CurvePoint| ((point.x * 50.0) as usize).min(49);
        for column in kept.chunk_by(|a, b| column(a) == column(b)) {
            assert!(column.iter().any(|point| point.y == 0.0) && column.iter().any(|point| point.y == 1.0));
        }
        assert_eq!(thinned(&kept, 50), kept);
        assert_eq!(thinned(&points[..3], 1000), points[..1].iter().chain(&points[1..3]).copied().collect::<Vec<_>>());
    }
}
