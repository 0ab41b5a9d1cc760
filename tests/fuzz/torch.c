/* Whole files of torch.save. The corpus has archives without CRCs, so that what is changed in them is looked at. */
#include "round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return round_trip(&cove__torch_format, cove__slice(data, size), size / 2);
}
