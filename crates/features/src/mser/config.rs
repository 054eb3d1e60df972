//! What regions are looked for.

/// What [`detect_mser`](crate::detect_mser) looks for; the default holds OpenCV's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MserConfig {
    /// Largest number of keypoints of an image; 0 keeps all.
    pub budget: usize,
    /// Whether the budget is spread over the image instead of going to the strongest alone; default true.
    pub spread: bool,
    /// Grey levels on either side over which the area is compared, at least 1; default 5.
    pub delta: u8,
    /// Smallest area in pixels; default 60.
    pub min_area: u32,
    /// Largest area in pixels; default 14,400.
    pub max_area: u32,
    /// Largest variation, a share of the region's area; default 0.25.
    pub max_variation: f32,
    /// Smallest share of a region's area by which it must exceed a stable one that it holds, else only the more stable of the
    /// two is kept; default 0.2.
    pub min_diversity: f32,
    /// Whether regions darker than their surroundings are sought; default true.
    pub dark: bool,
    /// Whether regions brighter than their surroundings are sought; default true.
    pub bright: bool,
}

impl Default for MserConfig {
    fn default() -> Self {
        Self {
            budget: 0,
            spread: true,
            delta: 5,
            min_area: 60,
            max_area: 14_400,
            max_variation: 0.25,
            min_diversity: 0.2,
            dark: true,
            bright: true,
        }
    }
}
