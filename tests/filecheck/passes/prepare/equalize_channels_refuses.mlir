// RUN: not tf2c-opt %s -p equalize-channels 2>&1 | filecheck %s

// Ranges of activations come from calibration images.
// CHECK:      error: expected calibration images, got none
// CHECK-NEXT: hint: give `images=FILE.npy` to the pass, or `--calib` to `tf2c compile`
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  func.return %x : tensor<?x2x1x1xf32>
}
