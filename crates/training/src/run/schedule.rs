//! How the learning rate changes while a run goes on.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The course of the rate after warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Course {
    /// The same all the time.
    Constant,
    /// Half a cosine down to zero at the last step (Loshchilov & Hutter 2017).
    #[default]
    Cosine,
    /// Multiplied by `factor` every `every` epochs.
    Step,
}

/// `[schedule]` of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// constant, cosine or step.
    pub course: Course,
    /// Epochs in which the rate grows evenly from zero; a part of one is allowed.
    pub warm_up: f64,
    /// Epochs between two changes of `course = "step"`.
    pub every: usize,
    /// What the rate is multiplied by then, above 0 and at most 1.
    pub factor: f64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            course: Course::Cosine,
            warm_up: 0.0,
            every: 10,
            factor: 0.1,
        }
    }
}

impl Schedule {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        if !(self.warm_up.is_finite() && self.warm_up >= 0.0) {
            let allowed = "it is a number of epochs, 0 or above";
            return Err(Error::setting("schedule.warm_up", self.warm_up, allowed));
        }
        if self.every == 0 {
            let allowed = "it is a number of epochs, at least 1";
            return Err(Error::setting("schedule.every", self.every, allowed));
        }
        if !(self.factor > 0.0 && self.factor <= 1.0) {
            let allowed = "it is above 0 and at most 1";
            return Err(Error::setting("schedule.factor", self.factor, allowed));
        }
        Ok(())
    }

    /// What the rate is multiplied by after `done` of `epochs` epochs (`done` with the part of the present
    /// one), 0 to 1.
    pub fn at(&self, done: f64, epochs: usize) -> f64 {
        let warm = match self.warm_up {
            w if w > 0.0 => (done / w).min(1.0),
            _ => 1.0,
        };
        let course = match self.course {
            Course::Constant => 1.0,
            Course::Cosine => {
                let left = (epochs as f64 - self.warm_up).max(f64::MIN_POSITIVE);
                let part = ((done - self.warm_up) / left).clamp(0.0, 1.0);
                0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
            Course::Step => {
                let times = (done / self.every as f64).floor().min(1e6);
                self.factor.powi(times as i32)
            }
        };
        warm * course
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_courses() {
        let schedule = |course, warm_up| Schedule {
            course,
            warm_up,
            every: 3,
            factor: 0.5,
        };
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(schedule(Course::Constant, 0.0).at(7.5, 10), 1.0);
        near(schedule(Course::Constant, 2.0).at(0.5, 10), 0.25);
        near(schedule(Course::Cosine, 0.0).at(0.0, 10), 1.0);
        near(schedule(Course::Cosine, 0.0).at(5.0, 10), 0.5);
        near(schedule(Course::Cosine, 2.0).at(6.0, 10), 0.5);
        near(schedule(Course::Cosine, 0.0).at(10.0, 10), 0.0);
        near(schedule(Course::Step, 0.0).at(2.9, 10), 1.0);
        near(schedule(Course::Step, 0.0).at(6.0, 10), 0.25);
        assert!(schedule(Course::Step, f64::NAN).check().is_err());
        assert!(Schedule::default().check().is_ok());
    }
}
