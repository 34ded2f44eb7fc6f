// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.array([1.0] + [0.005] * 999, 'f4').reshape(1, 1, 1, 1000))" %t.npy
// RUN: tf2c-opt %s -p 'choose-scales{images="%t.npy"}' | filecheck %s
// RUN: tf2c-opt %s -p 'choose-scales{images="%t.npy" method="minmax"}' | filecheck %s --check-prefix=MINMAX

// One large number among many small ones: steps of 2**-6 hold it, under which all others are 0. The
// least squared error is that of finer steps, which the large one saturates.

// CHECK:  func.func @main(%x: tensor<?x1x1x1000xf32> {int8.scale = #int8.pow2<-7>})
// MINMAX: func.func @main(%x: tensor<?x1x1x1000xf32> {int8.scale = #int8.pow2<-6>})
func.func @main(%x: tensor<?x1x1x1000xf32>) -> tensor<?x1x1x1000xf32> {
  func.return %x : tensor<?x1x1x1000xf32>
}
