// RUN: not tf2c-opt %s -p choose-scales 2>&1 | filecheck %s --check-prefix=NONE
// RUN: not tf2c-opt %s -p 'choose-scales{images="%t.nowhere.npy"}' 2>&1 | filecheck %s --check-prefix=NOWHERE
// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.full((1, 2, 1, 1), numpy.nan, 'f4'))" %t.nan.npy
// RUN: not tf2c-opt %s -p 'choose-scales{images="%t.nan.npy"}' 2>&1 | filecheck %s --check-prefix=NAN
// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.full((1, 2, 1, 1), 3e38, 'f4'))" %t.large.npy
// RUN: not tf2c-opt %s -p 'choose-scales{images="%t.large.npy"}' 2>&1 | filecheck %s --check-prefix=LARGE
// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.ones((4, 3, 1, 1), 'f4'))" %t.shape.npy
// RUN: not tf2c-opt %s -p 'choose-scales{images="%t.shape.npy"}' 2>&1 | filecheck %s --check-prefix=SHAPE
// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.array(['image']))" %t.text.npy
// RUN: not tf2c-opt %s -p 'choose-scales{images="%t.text.npy"}' 2>&1 | filecheck %s --check-prefix=TEXT

// Calibration needs images, finite and of the network's shape.

// NONE:        error: expected calibration images, got none
// NONE-NEXT:   hint: give `images=FILE.npy` to the pass, or `--calib` to `tf2c compile`
// NONE-NOT:    {{.}}

// NOWHERE-NOT: Traceback
// NOWHERE:     error: {{.*}}.nowhere.npy: expected a .npy file, got {{.*}}No such file{{.*}}
// NOWHERE-NOT: {{.}}

// NAN-NOT:     Traceback
// NAN:         error: {{.*}}.nan.npy: expected finite images, got NaN or infinity
// NAN-NOT:     {{.}}

// LARGE-NOT:   Traceback
// LARGE:       error: layer `first`: expected finite activations on the calibration images, got NaN or infinity
// LARGE-NEXT:  hint: check the images and their preprocessing
// LARGE-NOT:   {{.}}

// SHAPE-NOT:   Traceback
// SHAPE:       error: {{.*}}expected {{.*}}images{{.*}}, got {{.*}}3

// TEXT-NOT:    Traceback
// TEXT:        error: {{.*}}expected {{.*}}, got

func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 2.0]> : tensor<2x2x1x1xf32>
  %y = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32> loc("first")
  func.return %y : tensor<?x2x1x1xf32>
}
