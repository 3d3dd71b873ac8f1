// All public headers.
#pragma once

#include "pydl/autocast.h"
#include "pydl/autograd.h"
#include "pydl/dtype.h"
#include "pydl/error.h"
#include "pydl/export.h"
#include "pydl/nn.h"
#include "pydl/ops.h"
#include "pydl/optim.h"
#include "pydl/params.h"
#include "pydl/program.h"
#include "pydl/random.h"
#include "pydl/shape.h"
#include "pydl/tensor.h"
#include "pydl/version.h"
