//! Bringing numbers to a common scale.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The ways to scale a column of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scaling {
    /// To mean 0 and standard deviation 1.
    #[default]
    Standard,
    /// To median 0, and an interquartile range as that of the standard normal distribution; then smoothly clipped to
    /// -3..3. Outliers change neither the scale nor, much, the network.
    Robust,
}

impl fmt::Display for Scaling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Scaling::Standard => "standard",
            Scaling::Robust => "robust",
        })
    }
}

impl FromStr for Scaling {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "standard" => Ok(Scaling::Standard),
            "robust" => Ok(Scaling::Robust),
            _ => Err("give standard or robust".to_owned()),
        }
    }
}

/// The interquartile range of the standard normal distribution.
const NORMAL_IQR: f64 = 1.348_979_500_392_163_5;

/// The scale of a column, learnt from training rows.
///
/// A value x becomes u = (x - center) / spread and, clipped, u / sqrt(1 + (u / 3)^2), computed in f64 and rounded once to
/// f32.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    center: f64,
    spread: f64,
    clipped: bool,
}

impl Scale {
    /// The bound of clipped values.
    pub const CLIP: f64 = 3.0;

    /// Learns from finite values, or gives nothing if all of them are the same.
    ///
    /// The standard deviation is that of the values themselves (the sum of squares is divided by their number), and sums
    /// run in their order. The robust spread is the interquartile range over that of the standard normal distribution,
    /// 1.349; where it is 0, since more than half of the values are the same, it is the standard deviation.
    pub fn fit(values: &[f32], scaling: Scaling) -> Option<Self> {
        let first = values.first()?;
        // Asked of the values themselves: the rounded mean of equal values may differ from them.
        if values.iter().all(|value| value == first) {
            return None;
        }
        let count = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        let square = |value: f32| (f64::from(value) - mean) * (f64::from(value) - mean);
        let deviation = (values.iter().map(|&value| square(value)).sum::<f64>() / count).sqrt();
        Some(match scaling {
            Scaling::Standard => Self { center: mean, spread: deviation, clipped: false },
            Scaling::Robust => {
                let mut values = values.to_vec();
                let [lower, center, upper] = [0.25, 0.5, 0.75].map(|share| quantile(&mut values, share));
                let spread = if upper > lower { (upper - lower) / NORMAL_IQR } else { deviation };
                Self { center, spread, clipped: true }
            }
        })
    }

    /// The value that becomes 0, in the column's own unit.
    pub fn center(&self) -> f64 {
        self.center
    }

    /// The distance from the centre that becomes 1 (before it is clipped), in the column's own unit.
    pub fn spread(&self) -> f64 {
        self.spread
    }

    /// Whether the scaled value is clipped.
    pub fn is_clipped(&self) -> bool {
        self.clipped
    }

    /// Scales a finite value. A result beyond f32's range becomes its largest or smallest number.
    pub fn apply(&self, value: f64) -> f32 {
        const CLIP: f64 = Scale::CLIP;
        let scaled = (value - self.center) / self.spread;
        match self.clipped {
            // The same formula, arranged so that no square overflows.
            true if scaled.abs() > CLIP => {
                (CLIP / (1.0 + (CLIP / scaled) * (CLIP / scaled)).sqrt()).copysign(scaled) as f32
            }
            true => (scaled / (1.0 + (scaled / CLIP) * (scaled / CLIP)).sqrt()) as f32,
            false => (scaled as f32).clamp(f32::MIN, f32::MAX),
        }
    }

    /// The value, in the column's own unit, that is scaled to this one by a scale that does not clip.
    pub fn invert(&self, scaled: f64) -> f64 {
        scaled * self.spread + self.center
    }

    /// Whether the numbers are such as [`Scale::fit`] gives.
    pub(crate) fn is_sound(&self) -> bool {
        self.center.is_finite() && self.spread.is_finite() && self.spread > 0.0
    }
}

/// A quantile of finite values, between two of them by linear interpolation. Changes their order.
///
/// # Panics
/// If there is no value.
pub(crate) fn quantile(values: &mut [f32], share: f64) -> f64 {
    let place = share * (values.len() - 1) as f64;
    let below = place.floor() as usize;
    let (_, &mut lower, rest) = values.select_nth_unstable_by(below, f32::total_cmp);
    let lower = f64::from(lower);
    match rest.iter().copied().min_by(f32::total_cmp) {
        Some(upper) if place > below as f64 => lower + (f64::from(upper) - lower) * (place - below as f64),
        _ => lower,
    }
}

/// The number of different values.
pub(crate) fn distinct(values: &[f32]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted.dedup();
    sorted.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_columns_come_out_with_mean_0_and_deviation_1() {
        let scale = Scale::fit(&[1.0, 3.0], Scaling::Standard).unwrap();
        assert_eq!((scale.center(), scale.spread()), (2.0, 1.0));
        assert_eq!((scale.apply(1.0), scale.apply(3.0), scale.invert(1.0)), (-1.0, 1.0, 3.0));
    }

    #[test]
    fn constant_columns_have_no_scale() {
        // The f64 mean of ten times 0.1_f32 is not 0.1_f32.
        for scaling in [Scaling::Standard, Scaling::Robust] {
            assert_eq!(Scale::fit(&[0.1; 10], scaling), None);
            assert_eq!(Scale::fit(&[], scaling), None);
        }
    }

    #[test]
    fn extreme_values_stay_finite() {
        let scale = Scale::fit(&[f32::MIN, f32::MAX], Scaling::Standard).unwrap();
        assert_eq!((scale.center(), scale.spread()), (0.0, f64::from(f32::MAX)));
        let tiny = f64::from(f32::from_bits(1));
        let scale = Scale::fit(&[0.0, tiny as f32], Scaling::Standard).unwrap();
        let extremes = [0.0, tiny, f64::from(f32::MAX), f64::from(f32::MIN)];
        assert_eq!(extremes.map(|value| scale.apply(value)), [-1.0, 1.0, f32::MAX, f32::MIN]);
        let scale = Scale::fit(&[0.0, tiny as f32], Scaling::Robust).unwrap();
        assert_eq!([f64::from(f32::MAX), f64::from(f32::MIN)].map(|value| scale.apply(value)), [3.0, -3.0]);
    }

    #[test]
    fn outliers_do_not_change_a_robust_scale() {
        let mut values: Vec<f32> = (0..=100).map(|number| number as f32).collect();
        let scale = Scale::fit(&values, Scaling::Robust).unwrap();
        assert_eq!((scale.center(), scale.spread()), (50.0, 50.0 / NORMAL_IQR));
        values[100] = 1e30;
        assert_eq!(Scale::fit(&values, Scaling::Robust).unwrap(), scale);
        assert!(scale.apply(1e30) == 3.0 && scale.apply(50.0) == 0.0);
        let (inner, outer) =
            (scale.apply(50.0 + 2.999_999 * scale.spread()), scale.apply(50.0 + 3.000_001 * scale.spread()));
        assert!(inner < outer && outer - inner < 1e-5, "{inner} {outer}");
    }

    #[test]
    fn where_most_values_are_the_same_the_deviation_is_the_spread() {
        let scale = Scale::fit(&[0.0, 0.0, 0.0, 0.0, 10.0], Scaling::Robust).unwrap();
        assert_eq!((scale.center(), scale.spread()), (0.0, 4.0));
    }

    #[test]
    fn quantiles_lie_between_values() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| quantile(&mut values, share)), [1.0, 1.75, 2.5, 4.0]);
        assert_eq!(quantile(&mut [7.0], 0.5), 7.0);
    }
}
