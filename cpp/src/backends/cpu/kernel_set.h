// The kernels of one instruction set, as function pointers: the interface between the common code and the folders
// kernels/, which are compiled once per instruction set. Each family declares its own table.
#pragma once

#include "backends/cpu/conv/kernel_table.h"
#include "backends/cpu/gemm/kernel_table.h"
#include "backends/cpu/index/kernel_table.h"
#include "backends/cpu/loss/kernel_table.h"
#include "backends/cpu/norm/kernel_table.h"
#include "backends/cpu/pool/kernel_table.h"
#include "backends/cpu/random/kernel_table.h"
#include "backends/cpu/recurrent/kernel_table.h"
#include "backends/cpu/reduce/kernel_table.h"
#include "backends/cpu/tiles/kernel_table.h"
#include "backends/cpu/update/kernel_table.h"
#include "backends/cpu/view/kernel_table.h"
#include "pydl/dtype.h"

namespace pydl::cpu {

struct KernelSet {
  TileKernel elementwise[elementwise_count][lane_count];  // null if the op has no such lane; logical ops: lane 0
  TileKernel with_number[arithmetic_count][2][2];         // [..][float or double][operand that is one number]
  TileKernel not_bool;
  TileKernel nextafter[2];  // float, double
  ReplaceKernel replace[2];
  TileKernel where[4];                        // by log2 of the item size
  TileKernel cast[dtype_count][dtype_count];  // [from][to]; null for indirect casts (tile_program.h)
  TileKernel round_float16;                   // rounds float32 to what a float16, or a bfloat16, can represent
  TileKernel round_bfloat16;
  ReduceKernels reduce[reduction_count][reduce_lane_count];
  ArgKernels arg[2][lane_count];             // argmax, argmin
  SoftmaxKernels softmax[softmax_count][2];  // float, double
  NormKernels norm[3];                       // float, double, bfloat16 computed in float
  ScaledNormKernels scaled_norm[3];          // the same
  GemmKernels gemm[2];
  DirectConvKernels direct_conv;
  PlanarConvKernels planar_conv;
  WinogradKernels winograd;
  RecurrentKernels recurrent[2];
  PoolKernels pool[2];
  ResampleKernels resample[2];
  UpdateKernel update[update_rule_count][2];  // float, double
  AddKernel add_rows[2];
  SortKernels sort;
  RandomKernels random;
  VariateKernels variates;
  CopyKernels copy;
};

/// The kernels for this machine.
const KernelSet& kernels();

}  // namespace pydl::cpu
