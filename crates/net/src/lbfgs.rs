//! L-BFGS: minimises the loss over all samples at once, with steps that learn the curvature from the last gradients.
//!
//! J. Nocedal and S. J. Wright, Numerical Optimization, 2006: the direction is the two-loop recursion (algorithm 7.4), its
//! length satisfies the strong Wolfe conditions (algorithms 3.5 and 3.6), so that every step tells of a positive curvature.
//! The vectors are in f64 and in book order; dot products are added up in a fixed order. The loss is computed in f32, so that
//! near the optimum its rounding hides what a step gains: a step may raise it by as much.

use std::collections::VecDeque;

/// A function to be minimised.
pub(crate) trait Objective {
    /// Its value at `x`, with the gradient there.
    fn evaluate(&mut self, x: &[f32], gradient: &mut [f64]) -> f64;
}

/// A point, and what is known of the function there.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub x: Vec<f32>,
    pub value: f64,
    pub gradient: Vec<f64>,
}

impl Point {
    /// The point `x`.
    pub(crate) fn new(objective: &mut impl Objective, x: Vec<f32>) -> Self {
        let mut gradient = vec![0.0; x.len()];
        let value = objective.evaluate(&x, &mut gradient);
        Point { x, value, gradient }
    }

    /// The largest magnitude in the gradient; NaN if one is.
    pub(crate) fn steepness(&self) -> f64 {
        self.gradient.iter().fold(0.0, |most, g| if g.abs() <= most || most.is_nan() { most } else { g.abs() })
    }
}

/// What a step tells of the curvature.
#[derive(Debug)]
struct Pair {
    /// x_(k+1) - x_k.
    s: Vec<f64>,
    /// The gradient there less the gradient here.
    y: Vec<f64>,
    /// 1 / (s y).
    rho: f64,
}

/// The last steps, the oldest one first.
#[derive(Debug)]
pub(crate) struct Memory {
    most: usize,
    pairs: VecDeque<Pair>,
}

impl Memory {
    /// Of up to `most` steps.
    pub(crate) fn new(most: usize) -> Self {
        Memory { most, pairs: VecDeque::new() }
    }

    /// - H g, where the memory approximates the inverse H of the Hessian.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut factors = Vec::with_capacity(self.pairs.len());
        for Pair { s, y, rho } in self.pairs.iter().rev() {
            let factor = rho * dot(s, &q);
            add_scaled(-factor, y, &mut q);
            factors.push(factor);
        }
        if let Some(Pair { y, rho, .. }) = self.pairs.back() {
            let scale = 1.0 / (rho * dot(y, y));
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for (Pair { s, y, rho }, factor) in self.pairs.iter().zip(factors.into_iter().rev()) {
            add_scaled(factor - rho * dot(y, &q), s, &mut q);
        }
        q
    }

    fn learn(&mut self, before: &Point, after: &Point) {
        let s: Vec<f64> = after.x.iter().zip(&before.x).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect();
        let y: Vec<f64> = after.gradient.iter().zip(&before.gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&s, &y);
        // What rounding alone could have made is no curvature.
        if curvature > f64::EPSILON * (dot(&s, &s) * dot(&y, &y)).sqrt() {
            if self.pairs.len() == self.most {
                self.pairs.pop_front();
            }
            self.pairs.push_back(Pair { s, y, rho: 1.0 / curvature });
        }
    }

    /// Takes one step from `point`, and returns how often it evaluated the objective; or nothing if no step lowers its value
    /// by more than rounding.
    pub(crate) fn step(&mut self, objective: &mut impl Objective, point: &mut Point) -> Option<usize> {
        let mut evaluations = 0;
        loop {
            let direction = self.direction(&point.gradient);
            // The first direction is the gradient, of which no natural length is known.
            let length = if self.pairs.is_empty() { (1.0 / norm(&direction)).min(1.0) } else { 1.0 };
            let mut search = Search { objective: &mut *objective, point, direction: &direction, evaluations: 0 };
            let found = search.run(length);
            evaluations += search.evaluations;
            match found {
                Some(next) => {
                    self.learn(point, &next);
                    *point = next;
                    return Some(evaluations);
                }
                None if self.pairs.is_empty() => return None,
                // The memory may be of no use any more: from the start, along the gradient.
                None => self.pairs.clear(),
            }
        }
    }
}

/// The strong Wolfe conditions: the value falls by this share of what the slope promises, and the slope to that share.
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
/// What rounding may do to the value, relative to it: two units in the last place of an f32.
const ROUNDING: f64 = f32::EPSILON as f64;
/// More evaluations than this make no progress.
const MOST_EVALUATIONS: usize = 30;

/// The search for a step along a direction.
struct Search<'a, O> {
    objective: &'a mut O,
    point: &'a Point,
    direction: &'a [f64],
    evaluations: usize,
}

/// A step of a length, and the slope along the direction where it leads.
struct Trial {
    length: f64,
    slope: f64,
    at: Point,
}

impl<O: Objective> Search<'_, O> {
    fn run(&mut self, first: f64) -> Option<Point> {
        let slope = dot(&self.point.gradient, self.direction);
        if slope.is_nan() || slope >= 0.0 {
            return None;
        }
        let mut low = Trial { length: 0.0, slope, at: self.point.clone() };
        let mut length = first;
        while self.evaluations < MOST_EVALUATIONS {
            let trial = self.trial(length);
            if !self.falls(&trial, slope) || (low.length > 0.0 && trial.at.value > low.at.value) {
                return self.zoom(low, trial, slope);
            }
            if trial.slope.abs() <= -CURVATURE * slope {
                return Some(trial.at);
            }
            if trial.slope >= 0.0 {
                return self.zoom(trial, low, slope);
            }
            length *= 2.0;
            low = trial;
        }
        (low.length > 0.0).then_some(low.at)
    }

    /// Finds a step between two, of which `low` is the better one and shows the way to the other.
    fn zoom(&mut self, mut low: Trial, mut high: Trial, slope: f64) -> Option<Point> {
        while self.evaluations < MOST_EVALUATIONS {
            let trial = self.trial(between(&low, &high));
            if trial.at.x == low.at.x {
                break;
            }
            if !self.falls(&trial, slope) || trial.at.value > low.at.value + ROUNDING * low.at.value.abs() {
                high = trial;
                continue;
            }
            if trial.slope.abs() <= -CURVATURE * slope {
                return Some(trial.at);
            }
            if trial.slope * (high.length - low.length) >= 0.0 {
                high = low;
            }
            low = trial;
        }
        // Not as good as the conditions want, but good.
        (low.length > 0.0 && low.at.value < self.point.value).then_some(low.at)
    }

    fn trial(&mut self, length: f64) -> Trial {
        self.evaluations += 1;
        let steps = self.point.x.iter().zip(self.direction);
        let x = steps.map(|(x, d)| (f64::from(*x) + length * d) as f32).collect();
        let at = Point::new(self.objective, x);
        Trial { length, slope: dot(&at.gradient, self.direction), at }
    }

    /// Whether the value falls enough. Not if it is no number.
    fn falls(&self, trial: &Trial, slope: f64) -> bool {
        let before = self.point.value;
        trial.at.value <= before + DECREASE * trial.length * slope + ROUNDING * before.abs()
    }
}

/// The length at which the cubic with the values and slopes of both is least, if it lies well between them; else the middle.
fn between(low: &Trial, high: &Trial) -> f64 {
    let (a, b) = (low.length, high.length);
    let d1 = low.slope + high.slope - 3.0 * (low.at.value - high.at.value) / (a - b);
    let d2 = (b - a).signum() * (d1 * d1 - low.slope * high.slope).sqrt();
    let least = b - (b - a) * (high.slope + d2 - d1) / (high.slope - low.slope + 2.0 * d2);
    let (left, right) = (a.min(b), a.max(b));
    let margin = 0.1 * (right - left);
    if least >= left + margin && least <= right - margin { least } else { left + (right - left) / 2.0 }
}

/// Numbers that are added up side by side.
const SIDES: usize = 8;

/// The sum of all products, in an order of its own: those whose places are the same modulo 8 first.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; SIDES];
    for (a, b) in a.chunks(SIDES).zip(b.chunks(SIDES)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `b += factor * a`.
fn add_scaled(factor: f64, a: &[f64], b: &mut [f64]) {
    for (b, a) in b.iter_mut().zip(a) {
        *b += factor * a;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<F: FnMut(&[f32], &mut [f64]) -> f64> Objective for F {
        fn evaluate(&mut self, x: &[f32], gradient: &mut [f64]) -> f64 {
            self(x, gradient)
        }
    }

    /// H. H. Rosenbrock's valley, in pairs of unknowns: (1 - a)^2 + 100 (b - a^2)^2, least at (1, 1).
    fn valley(x: &[f32], gradient: &mut [f64]) -> f64 {
        let pairs = x.chunks_exact(2).zip(gradient.chunks_exact_mut(2));
        pairs.fold(0.0, |sum, (x, gradient)| {
            let (a, b) = (f64::from(x[0]), f64::from(x[1]));
            gradient[0] = -2.0 * (1.0 - a) - 400.0 * a * (b - a * a);
            gradient[1] = 200.0 * (b - a * a);
            sum + (1.0 - a).powi(2) + 100.0 * (b - a * a).powi(2)
        })
    }

    #[test]
    fn a_curved_valley() {
        let start = [[-1.2f32, 1.0]; 5].concat();
        let mut point = Point::new(&mut valley, start);
        let mut memory = Memory::new(5);
        let (mut steps, mut evaluations) = (0, 0);
        while point.steepness() > 1e-4 {
            evaluations += memory.step(&mut valley, &mut point).expect("a step that helps");
            steps += 1;
        }
        assert!(point.x.iter().all(|x| (x - 1.0).abs() < 1e-3), "{:?}", point.x);
        assert!(steps < 60 && evaluations < 90, "{steps} steps, {evaluations} evaluations");
    }

    /// In a quadratic bowl of n dimensions, a memory of n steps ends after about n.
    #[test]
    fn a_bowl() {
        let mut bowl = |x: &[f32], gradient: &mut [f64]| {
            let terms = x.iter().zip(gradient).enumerate();
            terms.fold(0.0, |sum, (i, (x, g))| {
                let (x, curvature) = (f64::from(*x) - 0.5, 1.0 + 10.0 * i as f64);
                *g = curvature * x;
                sum + curvature * x * x / 2.0
            })
        };
        let mut point = Point::new(&mut bowl, vec![3.0; 6]);
        let mut memory = Memory::new(6);
        let mut steps = 0;
        while point.steepness() > 1e-4 {
            memory.step(&mut bowl, &mut point).expect("a step that helps");
            steps += 1;
        }
        assert!(steps <= 20, "{steps}");
    }

    /// A trial at a length, with a value and a slope.
    fn trial(length: f64, value: f64, slope: f64) -> Trial {
        Trial { length, slope, at: Point { x: vec![length as f32], value, gradient: vec![slope] } }
    }

    /// t^3 - 3 t is least at 1.
    #[test]
    fn the_least_value_of_a_cubic_is_found_unless_it_lies_at_an_end() {
        let cubic = |t: f64| trial(t, t.powi(3) - 3.0 * t, 3.0 * t * t - 3.0);
        for (one, other, expected) in [(0.0, 2.5, 1.0), (0.5, 1.25, 1.0), (0.0, 1.05, 0.525), (0.95, 1.75, 1.35)] {
            for (low, high) in [(one, other), (other, one)] {
                let found = between(&cubic(low), &cubic(high));
                assert!((found - expected).abs() < 1e-12, "{found} between {low} and {high}");
            }
        }
        // A line is least nowhere.
        assert_eq!(between(&trial(0.0, 0.0, -1.0), &trial(3.0, -3.0, -1.0)), 1.5);
    }

    /// A search from x = 0 along a direction of 1.
    fn search<F: Objective, R>(
        objective: &mut F,
        value: f64,
        body: impl FnOnce(&mut Search<'_, F>) -> R,
    ) -> (R, usize) {
        let point = Point { x: vec![0.0], value, gradient: vec![-1.0] };
        let mut search = Search { objective, point: &point, direction: &[1.0], evaluations: 0 };
        (body(&mut search), search.evaluations)
    }

    #[test]
    fn a_value_falls_by_a_share_of_what_the_slope_promises() {
        let falls =
            |length, value| search(&mut valley, 1.0, |search| search.falls(&trial(length, value, -1.0), -1.0)).0;
        assert!(falls(1.0, 1.0 - 2.0 * DECREASE) && falls(4.0, 1.0 - 5.0 * DECREASE));
        assert!(!falls(1.0, 1.0 - DECREASE / 2.0) && !falls(4.0, 1.0 - 3.0 * DECREASE));
        assert!(!falls(1.0, f64::NAN));
        // Rounding is no rise.
        assert!(falls(1e-9, 1.0 + ROUNDING / 2.0) && !falls(1e-9, 1.0 + 2.0 * ROUNDING));
    }

    /// (x - 1000)^2 / 2000 has nine tenths of its first slope at 100: the first power of two beyond is taken.
    #[test]
    fn a_short_step_is_doubled() {
        let mut far = |x: &[f32], gradient: &mut [f64]| {
            let left = f64::from(x[0]) - 1000.0;
            gradient[0] = left / 1000.0;
            left * left / 2000.0
        };
        let (found, evaluations) = search(&mut far, 500.0, |search| search.run(1.0));
        assert_eq!((found.expect("a step that helps").x, evaluations), (vec![128.0], 8));
    }

    #[test]
    fn of_two_points_the_better_one_stays() {
        let mut plain = |_: &[f32], gradient: &mut [f64]| {
            gradient.fill(0.0);
            -5.0
        };
        let (low, high) = (trial(1.0, -10.0, -1.0), trial(3.0, 2.0, 1.0));
        let (found, _) = search(&mut plain, 0.0, |search| search.zoom(low, high, -1.0));
        assert_eq!(found.expect("the one it began with").value, -10.0);
    }

    /// No step leads below the least value, or out of a place where the function has none.
    #[test]
    fn where_no_step_helps() {
        let mut flat = |_: &[f32], gradient: &mut [f64]| {
            gradient.fill(0.0);
            7.0
        };
        let mut point = Point::new(&mut flat, vec![1.0; 3]);
        assert_eq!(Memory::new(3).step(&mut flat, &mut point), None);
        let mut cliff = |x: &[f32], gradient: &mut [f64]| {
            gradient.fill(1.0);
            if x[0] < 1.0 { f64::NAN } else { f64::from(x[0]) }
        };
        let mut point = Point::new(&mut cliff, vec![1.0]);
        assert_eq!(Memory::new(3).step(&mut cliff, &mut point), None);
        assert_eq!(point.x, [1.0]);
    }
}
