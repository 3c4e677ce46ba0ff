"""Tables that everybody knows, by the names of their columns; the values are drawn here.

A table is written as its columns in order, each with how its values look: `#` counts the rows, `n` is a decimal number,
`i9` a whole number from 0 to 9, `c4` one of four texts, `b` is 0 or 1, `yn` yes or no, `w` words, `k` a key of letters,
`d` a day, `u` a web address. The target has a star.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

ROWS = 200

TABLES = {
    "titanic": "PassengerId:# Survived*:b Pclass:i2 Name:w Sex:c2 Age:n SibSp:i5 Parch:i5 Ticket:k Fare:n Cabin:c99 "
    "Embarked:c3",
    "titanic of seaborn": "survived*:b pclass:i2 sex:c2 age:n sibsp:i5 parch:i5 fare:n embarked:c3 class:c3 who:c3 "
    "adult_male:yn deck:c7 embark_town:c3 alone:yn",
    "adult": "age:i70 workclass:c8 fnlwgt:n education:c16 education-num:i15 marital-status:c7 occupation:c14 "
    "relationship:c6 race:c5 sex:c2 capital-gain:n capital-loss:n hours-per-week:i90 native-country:c40 income*:c2",
    "house prices": "Id:# MSSubClass:i9 MSZoning:c5 LotFrontage:n LotArea:i9999 Street:c2 OverallQual:i9 OverallCond:i9 "
    "YearBuilt:i90 GrLivArea:i3000 SaleType:c9 MoSold:i12 YrSold:i5 SaleCondition:c6 SalePrice*:i90000",
    "boston": "crim:n zn:n indus:n chas:b nox:n rm:n age:n dis:n rad:i9 tax:i700 ptratio:n b:n lstat:n medv*:n",
    "california": "longitude:n latitude:n housing_median_age:i50 total_rooms:i9000 total_bedrooms:i900 population:i9000 "
    "households:i900 median_income:n median_house_value*:n ocean_proximity:c5",
    "wine quality": "fixed acidity:n volatile acidity:n citric acid:n residual sugar:n chlorides:n density:n pH:n "
    "sulphates:n alcohol:n quality*:i6",
    "wines, two colours": "type:c2 fixed acidity:n volatile acidity:n citric acid:n chlorides:n density:n pH:n "
    "alcohol:n quality*:i6",
    "bank marketing": "age:i80 job:c12 marital:c3 education:c4 default:yn balance:i9000 housing:yn loan:yn contact:c3 "
    "day:i31 month:c12 duration:i900 campaign:i20 pdays:i300 previous:i9 poutcome:c4 y*:yn",
    "german credit": "checking_status:c4 duration:i60 credit_history:c5 purpose:c9 credit_amount:i9000 savings_status:c5 "
    "employment:c5 installment_commitment:i3 age:i60 housing:c3 existing_credits:i3 job:c4 foreign_worker:yn class*:c2",
    "heart": "age:i60 sex:b cp:i3 trestbps:i200 chol:i400 fbs:b restecg:i2 thalach:i200 exang:b oldpeak:n slope:i2 ca:i4 "
    "thal:i3 target*:b",
    "heart failure": "age:i60 anaemia:b creatinine_phosphokinase:i900 diabetes:b ejection_fraction:i60 "
    "high_blood_pressure:b platelets:n serum_creatinine:n serum_sodium:i90 sex:b smoking:b time:i200 DEATH_EVENT*:b",
    "pima": "Pregnancies:i15 Glucose:i200 BloodPressure:i120 SkinThickness:i90 Insulin:i800 BMI:n "
    "DiabetesPedigreeFunction:n Age:i70 Outcome*:b",
    "telco churn": "customerID:k gender:c2 SeniorCitizen:b Partner:yn Dependents:yn tenure:i72 PhoneService:yn "
    "InternetService:c3 Contract:c3 PaperlessBilling:yn PaymentMethod:c4 MonthlyCharges:n TotalCharges:n Churn*:yn",
    "mushrooms": "class*:c2 cap-shape:c6 cap-surface:c4 cap-color:c10 bruises:c2 odor:c9 gill-color:c12 stalk-shape:c2 "
    "population:c6 habitat:c7",
    "abalone": "Sex:c3 Length:n Diameter:n Height:n Whole weight:n Shucked weight:n Viscera weight:n Shell weight:n "
    "Rings*:i29",
    "auto mpg": "mpg*:n cylinders:i8 displacement:n horsepower:i200 weight:i4000 acceleration:n model year:i12 origin:i2 "
    "car name:w",
    "imports": "symboling:i5 normalized-losses:i200 make:c22 fuel-type:c2 num-of-doors:c2 body-style:c5 wheel-base:n "
    "engine-size:i300 horsepower:i200 peak-rpm:i6000 city-mpg:i40 highway-mpg:i50 price*:i40000",
    "diamonds": "carat:n cut:c5 color:c7 clarity:c8 depth:n table:n price*:i18000 x:n y:n z:n",
    "iris": "Id:# SepalLengthCm:n SepalWidthCm:n PetalLengthCm:n PetalWidthCm:n Species*:c3",
    "penguins": "species*:c3 island:c3 bill_length_mm:n bill_depth_mm:n flipper_length_mm:i200 body_mass_g:i6000 sex:c2",
    "insurance": "age:i60 sex:c2 bmi:n children:i5 smoker:yn region:c4 charges*:n",
    "card default": "ID:# LIMIT_BAL:i90000 SEX:i1 EDUCATION:i4 MARRIAGE:i3 AGE:i60 PAY_0:i9 BILL_AMT1:i9000 "
    "BILL_AMT2:i9000 PAY_AMT1:i9000 PAY_AMT2:i9000 default.payment.next.month*:b",
    "card fraud": "Time:i90000 V1:n V2:n V3:n V4:n V5:n V6:n V7:n Amount:n Class*:b",
    "bikes": "instant:# dteday:d season:i3 yr:b mnth:i12 hr:i23 holiday:b weekday:i6 workingday:b weathersit:i3 temp:n "
    "atemp:n hum:n windspeed:n casual:i300 registered:i800 cnt*:i900",
    "breast cancer": "id:k diagnosis*:c2 radius_mean:n texture_mean:n perimeter_mean:n area_mean:n smoothness_mean:n "
    "area_worst:n fractal_dimension_worst:n",
    "students": "school:c2 sex:c2 age:i9 address:c2 famsize:c2 Medu:i4 Fedu:i4 Mjob:c5 reason:c4 traveltime:i3 failures:i3 "
    "schoolsup:yn romantic:yn health:i4 absences:i60 G1:i20 G2:i20 G3*:i20",
    "students' marks": "gender:c2 race/ethnicity:c5 parental level of education:c6 lunch:c2 "
    "test preparation course:c2 reading score:i99 writing score:i99 math score*:i99",
    "attrition": "Age:i60 Attrition*:yn BusinessTravel:c3 DailyRate:i900 Department:c3 DistanceFromHome:i29 Education:i4 "
    "EmployeeCount:i0 JobRole:c9 JobSatisfaction:i3 MonthlyIncome:i9000 PercentSalaryHike:i25 PerformanceRating:i1 "
    "StandardHours:i0 YearsAtCompany:i40 YearsWithCurrManager:i17",
    "loans": "Loan_ID:k Gender:c2 Married:yn Dependents:c4 Education:c2 Self_Employed:yn ApplicantIncome:i9000 "
    "CoapplicantIncome:i9000 LoanAmount:i500 Loan_Amount_Term:i400 Credit_History:b Property_Area:c3 Loan_Status*:yn",
    "lending club": "loan_amnt:i9000 term:c2 int_rate:n installment:n grade:c7 sub_grade:c35 emp_title:w emp_length:c11 "
    "home_ownership:c4 annual_inc:n issue_d:d loan_status*:c2 purpose:c9 title:w dti:n open_acc:i30 pub_rec:i9 "
    "revol_bal:i9000 total_acc:i60 mort_acc:i9 address:w",
    "mtcars": "mpg*:n cyl:i7 disp:n hp:i300 drat:n wt:n qsec:n vs:b am:b gear:i2 carb:i7",
    "tips": "total_bill:n tip*:n sex:c2 smoker:yn day:c4 time:c2 size:i5",
    "car evaluation": "buying:c4 maint:c4 doors:c4 persons:c3 lug_boot:c3 safety:c3 class*:c4",
    "glass": "RI:n Na:n Mg:n Al:n Si:n K:n Ca:n Ba:n Fe:n Type*:i5",
    "zoo": "animal_name:k hair:b feathers:b eggs:b milk:b airborne:b legs:i7 tail:b domestic:b catsize:b class_type*:i6",
    "concrete": "cement:n slag:n ash:n water:n superplastic:n coarseagg:n fineagg:n age:i300 strength*:n",
    "forest fires": "X:i8 Y:i8 month:c12 day:c7 FFMC:n DMC:n DC:n ISI:n temp:n RH:i99 wind:n rain:n area*:n",
    "online shoppers": "Administrative:i20 Administrative_Duration:n ProductRelated:i300 BounceRates:n ExitRates:n "
    "PageValues:n SpecialDay:n Month:c10 OperatingSystems:i7 Region:i8 TrafficType:i19 VisitorType:c3 Weekend:yn "
    "Revenue*:yn",
    "stroke": "id:k gender:c2 age:i80 hypertension:b heart_disease:b ever_married:yn work_type:c5 Residence_type:c2 "
    "avg_glucose_level:n bmi:n smoking_status:c4 stroke*:b",
    "airline satisfaction": "id:k Gender:c2 Customer Type:c2 Age:i80 Type of Travel:c2 Class:c3 Flight Distance:i4000 "
    "Inflight wifi service:i5 Food and drink:i5 Seat comfort:i5 Cleanliness:i5 Departure Delay in Minutes:i300 "
    "Arrival Delay in Minutes:i300 satisfaction*:c2",
    "rain in Australia": "Date:d Location:c49 MinTemp:n MaxTemp:n Rainfall:n WindGustDir:c16 WindGustSpeed:i90 "
    "Humidity9am:i99 Pressure9am:n Temp3pm:n RainToday:yn RainTomorrow*:yn",
    "flights": "year:i0 month:i12 day:i31 dep_time:i2359 sched_dep_time:i2359 dep_delay:i300 arr_time:i2359 "
    "sched_arr_time:i2359 arr_delay*:i300 carrier:c16 flight:i6000 tailnum:c90 origin:c3 dest:c99 air_time:i500 "
    "distance:i3000 hour:i23 minute:i59",
    "used cars": "id:k url:u region:c99 price*:i40000 year:i60 manufacturer:c40 model:c99 condition:c6 cylinders:c8 fuel:c5 "
    "odometer:i90000 title_status:c6 transmission:c3 drive:c3 type:c13 paint_color:c12 description:w lat:n long:n",
    "cars of India": "name:w year:i25 selling_price*:i90000 km_driven:i90000 fuel:c4 seller_type:c3 transmission:c2 owner:c5",
    "airbnb": "id:k name:w host_id:k host_name:c99 neighbourhood_group:c5 neighbourhood:c99 latitude:n longitude:n "
    "room_type:c3 price*:i900 minimum_nights:i30 number_of_reviews:i300 last_review:d reviews_per_month:n "
    "calculated_host_listings_count:i30 availability_365:i365",
    "King County": "id:k date:d price*:i90000 bedrooms:i9 bathrooms:n sqft_living:i9000 sqft_lot:i9000 floors:n "
    "waterfront:b view:i4 condition:i4 grade:i12 sqft_above:i9000 yr_built:i99 zipcode:i70 lat:n long:n sqft_lot15:i9000",
    "Melbourne": "Suburb:c99 Address:w Rooms:i9 Type:c3 Price*:i90000 Method:c5 SellerG:c99 Date:d Distance:n Postcode:i99 "
    "Bathroom:i6 Car:i6 Landsize:i900 BuildingArea:n YearBuilt:i99 Regionname:c8 Propertycount:i9000",
    "video games": "Rank:# Name:w Platform:c30 Year:i35 Genre:c12 Publisher:c99 NA_Sales:n EU_Sales:n JP_Sales:n "
    "Other_Sales:n Global_Sales*:n",
    "cover type": "Elevation:i3000 Aspect:i360 Slope:i60 Horizontal_Distance_To_Hydrology:i900 Hillshade_9am:i255 "
    "Wilderness_Area1:b Wilderness_Area2:b Soil_Type1:b Soil_Type2:b Cover_Type*:i6",
    "phishing": "having_IP_Address:i1 URL_Length:i2 Shortining_Service:i1 having_At_Symbol:i1 SSLfinal_State:i2 "
    "Domain_registeration_length:i1 age_of_domain:i1 web_traffic:i2 Page_Rank:i1 Statistical_report:i1 Result*:i1",
    "life expectancy": "Country:c99 Year:i15 Status:c2 Life expectancy*:n Adult Mortality:i700 infant deaths:i900 Alcohol:n "
    "percentage expenditure:n Measles:i9000 BMI:n Total expenditure:n GDP:n Population:i90000 "
    "Income composition of resources:n Schooling:n",
    "happiness": "Overall rank:# Country or region:k Score*:n GDP per capita:n Social support:n "
    "Healthy life expectancy:n Freedom to make life choices:n Generosity:n Perceptions of corruption:n",
    "water": "ph:n Hardness:n Solids:n Chloramines:n Sulfate:n Conductivity:n Organic_carbon:n Turbidity:n Potability*:b",
    "mobile prices": "battery_power:i1900 blue:b clock_speed:n dual_sim:b fc:i19 four_g:b int_memory:i64 m_dep:n "
    "n_cores:i7 px_height:i1900 ram:i3900 talk_time:i20 touch_screen:b wifi:b price_range*:i3",
    "marketing campaign": "ID:k Year_Birth:i70 Education:c5 Marital_Status:c5 Income:n Kidhome:i2 Recency:i99 MntWines:i900 "
    "NumWebPurchases:i20 AcceptedCmp1:b AcceptedCmp2:b Complain:b Response*:b",
    "hepatitis": "Class*:i1 AGE:i70 SEX:i1 STEROID:i1 FATIGUE:i1 BILIRUBIN:n ALBUMIN:n PROTIME:n HISTOLOGY:i1",
    "ionosphere": "a01:n a02:n a03:n a04:n a05:n a06:n a07:n a08:n class*:c2",
    "hotel bookings": "hotel:c2 is_canceled*:b lead_time:i600 arrival_date_year:i2 arrival_date_month:c12 adults:i4 "
    "children:i3 meal:c5 country:c99 market_segment:c8 is_repeated_guest:b previous_cancellations:i20 "
    "assigned_room_type:c10 deposit_type:c3 customer_type:c4 adr:n total_of_special_requests:i5",
    "taxi trips": "id:k vendor_id:i1 pickup_datetime:d passenger_count:i6 pickup_longitude:n pickup_latitude:n "
    "dropoff_longitude:n dropoff_latitude:n store_and_fwd_flag:yn trip_duration*:i9000",
    "Walmart": "Store:i44 Date:d Weekly_Sales*:n Holiday_Flag:b Temperature:n Fuel_Price:n CPI:n Unemployment:n",
    "Rossmann": "Store:i900 DayOfWeek:i6 Date:d Sales*:i9000 Customers:i900 Open:b Promo:b StateHoliday:c4 SchoolHoliday:b",
    "Big Mart": "Item_Identifier:c99 Item_Weight:n Item_Fat_Content:c2 Item_Visibility:n Item_Type:c16 Item_MRP:n "
    "Outlet_Identifier:c10 Outlet_Establishment_Year:i20 Outlet_Size:c3 Outlet_Type:c4 Item_Outlet_Sales*:n",
    "spaceship": "PassengerId:k HomePlanet:c3 CryoSleep:yn Cabin:k Destination:c3 Age:i70 VIP:yn RoomService:i900 "
    "FoodCourt:i900 Spa:i900 VRDeck:i900 Name:w Transported*:yn",
    "Santander": "ID_code:k target*:b var_0:n var_1:n var_2:n var_3:n var_4:n var_5:n",
    "Otto": "id:# feat_1:i30 feat_2:i30 feat_3:i30 feat_4:i30 feat_5:i30 target*:c9",
    "air quality": "Ozone*:i160 Solar.R:i300 Wind:n Temp:i90 Month:i4 Day:i31",
    "swiss": "Fertility*:n Agriculture:n Examination:i40 Education:i50 Catholic:n Infant.Mortality:n",
    "trees": "Girth:n Height:i80 Volume*:n",
    "cars": "speed:i25 dist*:i120",
    "tooth growth": "len*:n supp:c2 dose:i2",
    "chick weights": "weight*:i300 Time:i21 Chick:i49 Diet:i3",
    "plant growth": "weight*:n group:c3",
    "warp breaks": "breaks*:i70 wool:c2 tension:c3",
    "quakes": "lat:n long:n depth:i600 mag*:n stations:i120",
    "attitude": "rating*:i80 complaints:i90 privileges:i80 learning:i75 raises:i88 critical:i92 advance:i72",
    "baseball": "AtBat:i600 Hits:i200 HmRun:i40 Runs:i130 RBI:i120 Walks:i100 Years:i24 CAtBat:i9000 CHits:i4000 League:c2 "
    "Division:c2 PutOuts:i900 Assists:i490 Errors:i32 Salary*:n NewLeague:c2",
    "car seats": "Sales*:n CompPrice:i170 Income:i120 Advertising:i29 Population:i500 Price:i190 ShelveLoc:c3 Age:i80 "
    "Education:i18 Urban:yn US:yn",
    "default": "default*:yn student:yn balance:n income:n",
    "orange juice": "Purchase*:c2 WeekofPurchase:i51 StoreID:i4 PriceCH:n PriceMM:n DiscCH:n SpecialCH:b LoyalCH:n "
    "PriceDiff:n Store7:yn STORE:i4",
    "credit balance": "ID:# Income:n Limit:i9000 Rating:i900 Cards:i8 Age:i80 Education:i20 Gender:c2 Student:yn Married:yn "
    "Ethnicity:c3 Balance*:i1900",
    "stock market": "Year:i4 Lag1:n Lag2:n Lag3:n Lag4:n Lag5:n Volume:n Today:n Direction*:c2",
    "birth weights": "low:b age:i40 lwt:i200 race:i2 smoke:b ptl:i3 ht:b ui:b ftv:i6 bwt*:i4000",
    "air passengers": "year:i11 month:c12 passengers*:i600",
    "blood donors": "V1:i70 V2:i40 V3:i9000 V4:i90 Class*:i1",
    "software defects": "loc:n v(g):i90 ev(g):i90 iv(g):i90 n:i900 v:n l:n d:n i:n e:n branchCount:i90 defects*:yn",
    "electricity": "date:n day:i6 period:n nswprice:n nswdemand:n vicprice:n vicdemand:n transfer:n class*:c2",
    "employee access": "target*:b RESOURCE:i9000 MGR_ID:i900 ROLE_ROLLUP_1:i90 ROLE_DEPTNAME:i400 ROLE_TITLE:i300 "
    "ROLE_FAMILY:i60 ROLE_CODE:i300",
    "clicks": "click*:b impression:i9 url_hash:k ad_id:i900 advertiser_id:i90 depth:i2 position:i2 query_id:i900 "
    "keyword_id:i900 title_id:i900 description_id:i900 user_id:i900",
    "delayed airlines": "Airline:c18 Flight:i7000 AirportFrom:c99 AirportTo:c99 DayOfWeek:i6 Time:i1400 Length:i600 Delay*:b",
    "bank churn": "RowNumber:# CustomerId:k Surname:c99 CreditScore:i400 Geography:c3 Gender:c2 Age:i70 Tenure:i10 "
    "Balance:n NumOfProducts:i3 HasCrCard:b IsActiveMember:b EstimatedSalary:n Exited*:b",
    "predictive maintenance": "UDI:# Product ID:k Type:c3 Air temperature [K]:n Process temperature [K]:n "
    "Rotational speed [rpm]:i2800 Torque [Nm]:n Tool wear [min]:i250 Machine failure*:b",
    "engine life": "unit_number:i99 time_cycles:i300 setting_1:n setting_2:n s_1:n s_2:n s_3:n s_4:n RUL*:i300",
    "recidivism": "sex:c2 age:i70 race:c6 juv_fel_count:i9 decile_score:i9 priors_count:i30 c_charge_degree:c2 "
    "two_year_recid*:b",
    "ecommerce": "Email:k Address:w Avatar:c90 Avg. Session Length:n Time on App:n Time on Website:n "
    "Length of Membership:n Yearly Amount Spent*:n",
    "house rents": "Posted On:d BHK:i5 Rent*:i90000 Size:i3000 Floor:c90 Area Type:c3 Area Locality:c99 City:c6 "
    "Furnishing Status:c3 Tenant Preferred:c3 Bathroom:i5 Point of Contact:c3",
    "salaries": "work_year:i4 experience_level:c4 employment_type:c4 job_title:c50 salary:i90000 salary_currency:c11 "
    "salary_in_usd*:i90000 employee_residence:c50 remote_ratio:i2 company_location:c50 company_size:c3",
    "wages": "year:i6 age:i60 maritl:c5 race:c4 education:c5 region:c9 jobclass:c2 health:c2 health_ins:c2 wage*:n",
    "reviews": "review:w sentiment*:c2",
    "messages": "label*:c2 message:w",
    "customer segments": "ID:k Gender:c2 Ever_Married:yn Age:i70 Graduated:yn Profession:c9 Work_Experience:i14 "
    "Spending_Score:c3 Family_Size:i8 Var_1:c7 Segmentation*:c4",
    "crops": "N:i140 P:i140 K:i200 temperature:n humidity:n ph:n rainfall:n label*:c22",
    "obesity": "Gender:c2 Age:n Height:n Weight:n family_history_with_overweight:yn FAVC:yn FCVC:n NCP:n CAEC:c4 SMOKE:yn "
    "CH2O:n SCC:yn FAF:n TUE:n CALC:c4 MTRANS:c5 NObeyesdad*:c7",
    "stars": "Temperature (K):i9000 Luminosity(L/Lo):n Radius(R/Ro):n Absolute magnitude(Mv):n Star type*:i5 "
    "Star color:c17 Spectral Class:c7",
    "sleep and lifestyle": "Person ID:# Gender:c2 Age:i60 Occupation:c11 Sleep Duration:n Quality of Sleep:i9 "
    "Physical Activity Level:i90 Stress Level:i8 BMI Category:c4 Heart Rate:i86 Daily Steps:i9000 Sleep Disorder*:c3",
    "energy use": "date:d Appliances*:i900 lights:i70 T1:n RH_1:n T2:n RH_2:n T_out:n Press_mm_hg:n RH_out:n Windspeed:n",
    "power plant": "AT:n V:n AP:n RH:n PE*:n",
    "body fat": "Density:n BodyFat*:n Age:i80 Weight:n Height:n Neck:n Chest:n Abdomen:n Hip:n Thigh:n",
    "property claims": "Policy_ID:k Age:i80 Car_Value:i90000 Region:c9 Claims_Last_Year:i9 Premium:n Claim*:b",
    "orders": "order_id:k customer_id:i90 product:c30 quantity:i9 unit_price:n discount:n region:c5 returned*:yn",
    "airfoil": "frequency:i9000 angle_of_attack:n chord_length:n free_stream_velocity:n thickness:n sound_pressure*:n",
    "houses of Brazil": "city:c5 area:i900 rooms:i9 bathroom:i9 parking_spaces:i9 floor:c30 animal:c2 furniture:c2 hoa:i9000 "
    "rent_amount:i9000 property_tax:i900 fire_insurance:i300 total_(BRL)*:i9000",
    "wages of 1988": "wage*:n education:i18 experience:i60 ethnicity:c2 smsa:c2 region:c4 parttime:c2",
    "energy efficiency": "relative_compactness:n surface_area:n wall_area:n roof_area:n overall_height:n orientation:i4 "
    "glazing_area:n glazing_distribution:i5 heating_load*:n",
    "footballers": "short_name:w player_url:u age:i40 height_cm:i50 weight_kg:i50 nationality:c90 club:c99 overall:i50 "
    "potential:i50 preferred_foot:c2 weak_foot:i4 skill_moves:i4 pace:i60 shooting:i60 passing:i60 wage_eur*:i9000",
    "graphics cards": "CpuName:c30 CpuNumberOfCores:i16 CpuFrequency:n GpuName:c30 GpuMemorySize:i24 GameName:c30 "
    "GameSetting:c4 GameResolution:i2160 FPS*:n",
    "Miami": "LATITUDE:n LONGITUDE:n PARCELNO:k SALE_PRC*:i90000 LND_SQFOOT:i9000 TOT_LVG_AREA:i9000 SPEC_FEAT_VAL:i9000 "
    "RAIL_DIST:n OCEAN_DIST:n age:i90 avno60plus:b month_sold:i12 structure_quality:i5",
    "proteins": "RMSD*:n F1:n F2:n F3:n F4:n F5:n F6:n F7:n F8:n F9:n",
    "robot arm": "theta1:n theta2:n theta3:n theta4:n theta5:n theta6:n theta7:n theta8:n y*:n",
    "superconductors": "number_of_elements:i9 mean_atomic_mass:n wtd_mean_atomic_mass:n entropy_atomic_mass:n "
    "range_atomic_mass:n mean_fie:n wtd_std_Valence:n critical_temp*:n",
    "video transcoding": "duration:n codec:c4 width:i1900 height:i1080 bitrate:i9000 framerate:n o_codec:c4 o_width:i1900 "
    "umem:i9000 utime*:n",
    "contraceptives": "Wifes_age:i40 Wifes_education:i3 Husbands_education:i3 Number_of_children_ever_born:i15 "
    "Wifes_religion:b Wifes_now_working:b Standard-of-living_index:i3 Media_exposure:b Contraceptive_method_used*:i2",
    "eucalyptus": "Abbrev:c16 Rep:i3 Locality:c8 Latitude:c12 Altitude:i300 Rainfall:i900 Frosts:i3 Year:i5 Sp:c27 Vig:n "
    "Ins_res:n Stem_Fm:n Utility*:c5",
    "printing": "timestamp:i900 cylinder_number:c99 customer:c60 grain_screened:yn ink_color:c2 paper_type:c3 ink_type:c3 "
    "press_type:c4 unit_number:i9 humidity:i90 roughness:n ink_temperature:n current_density:n band_type*:c2",
    "drugs": "Age:i60 Sex:c2 BP:c3 Cholesterol:c2 Na_to_K:n Drug*:c5",
    "missed appointments": "PatientId:k AppointmentID:k Gender:c2 ScheduledDay:d AppointmentDay:d Age:i90 "
    "Neighbourhood:c80 Scholarship:b Hipertension:b Diabetes:b Alcoholism:b Handcap:b SMS_received:b No-show*:yn",
    "hospital readmissions": "encounter_id:k patient_nbr:i90 race:c5 gender:c2 age:c10 admission_type_id:i8 "
    "time_in_hospital:i14 payer_code:c17 num_lab_procedures:i90 num_medications:i60 diag_1:c99 A1Cresult:c4 insulin:c4 "
    "change:c2 diabetesMed:yn readmitted*:c3",
    "pollution": "No:# year:i4 month:i12 day:i31 hour:i23 pm2.5*:i500 DEWP:i40 TEMP:i40 PRES:n cbwd:c4 Iws:n Is:i20 Ir:i20",
    "films": "budget:i90000 genres:w homepage:u id:k original_language:c30 original_title:w overview:w popularity:n "
    "release_date:d runtime:i200 status:c3 title:w vote_average:n vote_count:i9000 revenue*:i90000",
    "laptops": "laptop_ID:# Company:c19 Product:c99 TypeName:c6 Inches:n ScreenResolution:c40 Cpu:c99 Ram:c9 Memory:c39 "
    "Gpu:c99 OpSys:c9 Weight:n Price_euros*:n",
    "songs": "track_id:k artists:c99 track_name:w popularity*:i99 duration_ms:i90000 explicit:yn danceability:n energy:n "
    "key:i11 loudness:n mode:b speechiness:n acousticness:n valence:n tempo:n time_signature:i5 track_genre:c99",
    "insurance claims": "id:k Gender:c2 Age:i60 Driving_License:b Region_Code:i52 Previously_Insured:b Vehicle_Age:c3 "
    "Vehicle_Damage:yn Annual_Premium:n Policy_Sales_Channel:i150 Vintage:i290 Response*:b",
    "fish": "Species:c7 Weight*:n Length1:n Length2:n Length3:n Height:n Width:n",
    "advertising": "TV:n Radio:n Newspaper:n Sales*:n",
    "admissions": "Serial No.:# GRE Score:i50 TOEFL Score:i30 University Rating:i5 SOP:n LOR:n CGPA:n Research:b "
    "Chance of Admit*:n",
    "liver patients": "Age:i80 Gender:c2 Total_Bilirubin:n Direct_Bilirubin:n Alkaline_Phosphotase:i900 "
    "Total_Protiens:n Albumin:n Albumin_and_Globulin_Ratio:n Dataset*:i1",
    "raisins": "Area:i90000 MajorAxisLength:n MinorAxisLength:n Eccentricity:n ConvexArea:i90000 Extent:n Perimeter:n "
    "Class*:c2",
    "banknotes": "variance:n skewness:n curtosis:n entropy:n class*:b",
    "power of a city": "Datetime:d Temperature:n Humidity:n WindSpeed:n GeneralDiffuseFlows:n PowerConsumption_Zone1*:n",
    "job changes": "enrollee_id:k city:c99 city_development_index:n gender:c3 relevent_experience:c2 "
    "enrolled_university:c3 education_level:c5 major_discipline:c6 experience:c22 company_size:c8 company_type:c6 "
    "last_new_job:c6 training_hours:i300 target*:b",
    "promotions": "employee_id:k department:c9 region:c34 education:c3 gender:c2 recruitment_channel:c3 no_of_trainings:i9 "
    "age:i40 previous_year_rating:i4 length_of_service:i30 awards_won?:b avg_training_score:i60 is_promoted*:b",
    "cement of a plant": "time:d kiln_speed:n feed_rate:n fuel_flow:n exhaust_temp:n free_lime*:n",
    "sensors of a pump": "pump_id:i30 rpm:n vibration:n flow:n temperature:n inlet_pressure:n days_to_failure*:n",
    "machines": "device_id:i40 hour:i23 vibration:n temperature:n pressure:n status:c3 failure*:b",
}


def names_and_target(table: str) -> tuple[list[str], str]:
    """The names of a table's columns, and its target."""
    columns = list(_columns(table))
    return [name for name, _, _ in columns], next(name for name, _, is_target in columns if is_target)


def make_table(table: str, rows: int = ROWS) -> pd.DataFrame:
    """A table with drawn values; its target depends on three of its other columns."""
    draw = np.random.default_rng(len(table))
    frame: dict[str, object] = {}
    numeric = [name for name, look, is_target in _columns(table) if not is_target and look[0] in "nibc"][:3]
    latent = {name: draw.normal(size=rows) for name in numeric}
    signal = np.sum([*latent.values(), 0.7 * draw.normal(size=rows)], axis=0)
    for name, look, is_target in _columns(table):
        values = signal if is_target else latent.get(name, draw.normal(size=rows))
        frame[name] = _drawn(look, values, draw)
    return pd.DataFrame(frame)


def _columns(table: str) -> Iterator[tuple[str, str, bool]]:
    """(name, look, whether it is the target) of each column; a name may hold blanks."""
    words = TABLES[table].split(" ")
    name = ""
    for word in words:
        name = f"{name} {word}" if name else word
        if ":" in word:
            name, _, look = name.rpartition(":")
            yield name.removesuffix("*"), look, name.endswith("*")
            name = ""


def _drawn(look: str, values: npt.NDArray[np.float64], draw: np.random.Generator) -> object:
    rows = len(values)
    rank = (values.argsort().argsort() + 0.5) / rows  # even from 0 to 1
    match look[0], look[1:]:
        case "#", _:
            return np.arange(1, rows + 1)
        case "n", _:
            return (values * 17 + 60).round(3)
        case "i", most:
            return np.floor(rank * (int(most) + 1)).astype(int) + (1 if int(most) < 10 else 0)
        case "c", many:
            return [f"v{place}" for place in np.floor(rank * int(many)).astype(int)]
        case "b", _:
            return (rank > 0.6).astype(int)
        case "y", _:
            return np.where(rank > 0.6, "Yes", "No")
        case "w", _:
            return [" ".join(draw.choice(["old", "big", "red", "tree", "house", "by", "the", "sea"], 5)) + f" {row}"
                    for row in range(rows)]  # fmt: skip
        case "k", _:
            return [f"K{number:06d}" for number in draw.permutation(rows)]
        case "d", _:
            return pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, rows), unit="D")
        case _:
            return [f"https://example.org/{row}" for row in range(rows)]
