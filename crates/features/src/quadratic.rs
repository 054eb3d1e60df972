//! The quadratic through the 27 values around a pixel of a scale space, and its stationary point (Brown & Lowe, BMVC 2002).

/// The 27 values around a pixel, `[layer][row][column]`.
pub(crate) type Cube = [[[f32; 3]; 3]; 3];

/// First and second derivatives by central differences, in the order x, y, scale.
pub(crate) struct Quadratic {
    pub(crate) gradient: [f32; 3],
    pub(crate) hessian: [[f32; 3]; 3],
}

impl Quadratic {
    pub(crate) fn of(c: &Cube) -> Self {
        let centre2 = 2.0 * c[1][1][1];
        let dxx = c[1][1][2] + c[1][1][0] - centre2;
        let dyy = c[1][2][1] + c[1][0][1] - centre2;
        let dss = c[2][1][1] + c[0][1][1] - centre2;
        let dxy = 0.25 * (c[1][2][2] - c[1][2][0] - c[1][0][2] + c[1][0][0]);
        let dxs = 0.25 * (c[2][1][2] - c[2][1][0] - c[0][1][2] + c[0][1][0]);
        let dys = 0.25 * (c[2][2][1] - c[2][0][1] - c[0][2][1] + c[0][0][1]);
        Self {
            gradient: [
                0.5 * (c[1][1][2] - c[1][1][0]),
                0.5 * (c[1][2][1] - c[1][0][1]),
                0.5 * (c[2][1][1] - c[0][1][1]),
            ],
            hessian: [[dxx, dxy, dxs], [dxy, dyy, dys], [dxs, dys, dss]],
        }
    }

    /// The offset at which the quadratic is stationary; `None` where the Hessian is singular.
    pub(crate) fn stationary(&self) -> Option<[f32; 3]> {
        let h = &self.hessian;
        let cofactor =
            |a: usize, b: usize, c: usize, d: usize| h[a][b] * h[c][d] - h[a][d] * h[c][b];
        let minors = [
            cofactor(1, 1, 2, 2),
            -cofactor(1, 0, 2, 2),
            cofactor(1, 0, 2, 1),
        ];
        let determinant = h[0][0] * minors[0] + h[0][1] * minors[1] + h[0][2] * minors[2];
        if determinant == 0.0 || !determinant.is_finite() {
            return None;
        }
        let inverse = [
            minors,
            [
                -cofactor(0, 1, 2, 2),
                cofactor(0, 0, 2, 2),
                -cofactor(0, 0, 2, 1),
            ],
            [
                cofactor(0, 1, 1, 2),
                -cofactor(0, 0, 1, 2),
                cofactor(0, 0, 1, 1),
            ],
        ];
        let g = &self.gradient;
        let offset = |i: usize| {
            -(inverse[0][i] * g[0] + inverse[1][i] * g[1] + inverse[2][i] * g[2]) / determinant
        };
        let result = [offset(0), offset(1), offset(2)];
        result.iter().all(|v| v.is_finite()).then_some(result)
    }

    /// Whether the ratio of the principal curvatures in the image plane stays below `edge`.
    pub(crate) fn is_round(&self, edge: f32) -> bool {
        let h = &self.hessian;
        let trace = h[0][0] + h[1][1];
        let determinant = h[0][0] * h[1][1] - h[0][1] * h[0][1];
        determinant > 0.0 && trace * trace * edge < (edge + 1.0) * (edge + 1.0) * determinant
    }
}

/// Moves `from` by the rounded offset; `None` outside `low..high`.
pub(crate) fn step(from: usize, offset: f32, low: usize, high: usize) -> Option<usize> {
    if offset.abs() > 1e6 {
        return None;
    }
    let to = from as i64 + offset.round() as i64;
    (to >= low as i64 && to < high as i64).then_some(to as usize)
}
