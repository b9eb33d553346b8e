// Included by c_api.h, and left out of the AAR 2.16.1. Nothing of it is needed here.
#pragma once
