//! Direction and size of a feature, in two bytes.

/// Steps of the scale in an octave.
const STEPS_PER_OCTAVE: f32 = 16.0;
/// Bytes of a pose in a posting.
pub(crate) const POSE_BYTES: usize = 2;

/// Direction and size of a feature as a posting keeps them (Jégou, Douze & Schmid 2008 keep 6 and 5 bits; here both have the
/// 8 bits of the byte that they take).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pose {
    /// Direction in steps of 1/256 of a turn.
    pub angle: u8,
    /// Logarithm of the scale in steps of 1/16 octave; 0 is half a pixel.
    pub scale: u8,
}

impl Pose {
    /// Of a direction in radians, any turn, and a scale in pixels. What is no number is 0; a scale below half a pixel or above
    /// 2¹⁵ pixels is as far as the byte goes.
    pub fn new(angle: f32, scale: f32) -> Self {
        let turn = angle.rem_euclid(std::f32::consts::TAU) / std::f32::consts::TAU;
        let step = (scale.max(0.5).log2() + 1.0) * STEPS_PER_OCTAVE;
        Self {
            angle: ((turn * 256.0).round() as u32 & 255) as u8,
            scale: step.round() as u8,
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; POSE_BYTES] {
        [self.angle, self.scale]
    }

    pub(crate) fn of_bytes([angle, scale]: [u8; POSE_BYTES]) -> Self {
        Self { angle, scale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_where_they_are_said_to_be() {
        let quarter = std::f32::consts::FRAC_PI_2;
        assert_eq!(
            Pose::new(quarter, 1.0),
            Pose {
                angle: 64,
                scale: 16
            }
        );
        assert_eq!(
            Pose::new(-quarter, 0.1),
            Pose {
                angle: 192,
                scale: 0
            }
        );
        assert_eq!(Pose::new(4.0 * quarter - 1e-4, 2.0).angle, 0);
        assert_eq!(
            Pose::new(1e-12, f32::INFINITY),
            Pose {
                angle: 0,
                scale: 255
            }
        );
        assert_eq!(Pose::new(f32::NAN, f32::NAN), Pose::default());
    }
}
