// Included by c_api.h, and left out of the AAR 2.16.1. Only this name of it is needed here.
#pragma once

typedef struct TfLiteRegistrationExternal TfLiteRegistrationExternal;
