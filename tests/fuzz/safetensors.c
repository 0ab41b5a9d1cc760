/* Whole files of safetensors. */
#include "round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return round_trip(&cove__safetensors_format, cove__slice(data, size), 16);
}
